/** Sales, shops and accounting. */
import { adding, invalidGrant, invalidRefreshToken, onlyWith, repeating } from "./commonDeviations.js"
import type { Body, Profile } from "./profile.js"

const withoutScope = {
  status: 400,
  body: { error: "invalid_request", error_description: "scope parameter not supported" }
}

export const salesforce: Profile = {
  name: "salesforce",
  title: "Salesforce",
  issuer: "https://login.salesforce.com",
  endpoints: {
    authorization: "https://login.salesforce.com/services/oauth2/authorize",
    token: "https://login.salesforce.com/services/oauth2/token",
    revocation: "https://login.salesforce.com/services/oauth2/revoke",
    jwks: "https://login.salesforce.com/id/keys"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "the preset `Salesforce.client`",
  deviations: [
    {
      what: "no `expires_in`",
      source: "Salesforce Help, OAuth 2.0 Web Server Flow for Web App Integration",
      settings: { expiresIn: false }
    },
    {
      what: "`instance_url`, `id`, `issued_at` and `signature` beside the token",
      source: "Salesforce Help, OAuth 2.0 Web Server Flow for Web App Integration",
      tokenResponse: adding({
        instance_url: "https://example.my.salesforce.com",
        id: "https://login.salesforce.com/id/00D/005",
        issued_at: "1767225600000",
        signature: "c2lnbmF0dXJl"
      })
    },
    {
      what: "rejects a refresh with `scope`",
      source: "danny-avila/LibreChat#13412, Bdaya-Dev/oidc#167",
      rejects: ({ form, grantType }) => (grantType === "refresh_token" && form.has("scope") ? withoutScope : undefined)
    }
  ]
}

export const hubspot: Profile = {
  name: "hubspot",
  title: "HubSpot",
  issuer: "https://app.hubspot.com",
  endpoints: {
    authorization: "https://app.hubspot.com/oauth/authorize",
    token: "https://api.hubapi.com/oauth/v3/token"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure: "the preset `HubSpot.app`",
  deviations: [
    {
      what: "documents no metadata",
      source: "HubSpot Developers, OAuth v3",
      metadata: []
    },
    {
      what: "errors as `{ status, message, correlationId }`",
      source: "airbytehq/airbyte#79592, airbytehq/airbyte#57001",
      errorResponse: invalidRefreshToken(400, {
        status: "BAD_REFRESH_TOKEN",
        message: "missing or invalid refresh token",
        correlationId: "00000000-0000-0000-0000-000000000000"
      })
    },
    {
      what: "a refresh repeats the refresh token",
      source: "HubSpot Developers, OAuth v3",
      tokenResponse: repeating
    }
  ]
}

const shop = "https://example.myshopify.com"

const offlineToken = ({ access_token, scope }: Body): Body => ({
  access_token,
  ...(typeof scope === "string" && { scope: scope.split(" ").join(",") })
})

export const shopify: Profile = {
  name: "shopify",
  title: "Shopify, offline tokens that do not expire",
  issuer: shop,
  endpoints: { authorization: `${shop}/admin/oauth/authorize`, token: `${shop}/admin/oauth/access_token` },
  grant: "authorization_code",
  refresh: "none",
  configure:
    "its endpoints, `client_secret_post`, `complianceFixes.scopeSeparator`, and " +
    '`complianceFixes: { errorCodes: { "The authorization code was not found or was already used": "invalid_grant" } }`',
  deviations: [
    {
      what: "documents no metadata",
      source: "Shopify Dev Docs, Implement authorization code grant manually",
      metadata: []
    },
    {
      what: "`access_token` and `scope` only; scopes with commas, in requests too",
      source: "Shopify Dev Docs, Implement authorization code grant manually",
      scopeSeparator: ",",
      tokenResponse: offlineToken
    },
    {
      what: "`hmac`, `shop` and `timestamp` in the redirect",
      source: "Shopify/shopify_app#449",
      settings: { redirect: { hmac: "00", shop: "example.myshopify.com", timestamp: "1767225600" } }
    },
    {
      what: "`invalid_request` for an invalid code",
      source: "nozzlegear/ShopifySharp#70",
      errorResponse: invalidGrant(400, () => ({
        error: "invalid_request",
        error_description: "The authorization code was not found or was already used"
      }))
    }
  ]
}

export const quickbooks: Profile = {
  name: "quickbooks",
  title: "QuickBooks (Intuit)",
  issuer: "https://oauth.platform.intuit.com/op/v1",
  endpoints: {
    authorization: "https://appcenter.intuit.com/connect/oauth2",
    token: "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    revocation: "https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
    jwks: "https://oauth.platform.intuit.com/op/v1/jwks"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "its endpoints, `revocationEndpoint` among them",
  deviations: [
    {
      what: "the metadata are not at a well-known place of the issuer",
      source: "Intuit Developer, Authorization discovery documents",
      metadata: ["https://developer.api.intuit.com/.well-known/openid_configuration"]
    },
    {
      what: "`x_refresh_token_expires_in`",
      source: "Arctic, Intuit; Intuit Developer, Set up OAuth 2.0",
      tokenResponse: adding({ x_refresh_token_expires_in: 8_726_400 })
    },
    {
      what: "`realmId` in the redirect",
      source: "Intuit OAuth Python client, User Guide",
      settings: { redirect: { realmId: "123145000000000" } }
    }
  ]
}

export const xero: Profile = {
  name: "xero",
  title: "Xero",
  issuer: "https://identity.xero.com",
  endpoints: {
    authorization: "https://login.xero.com/identity/connect/authorize",
    token: "https://identity.xero.com/connect/token",
    revocation: "https://identity.xero.com/connect/revocation",
    jwks: "https://identity.xero.com/.well-known/openid-configuration/jwks"
  },
  grant: "authorization_code",
  refresh: "rotates",
  configure: "the preset `OpenIdConnect.client`",
  deviations: [
    {
      what: "a used refresh token is accepted for another 30 minutes",
      source: "Xero Developer, OAuth 2.0 token types",
      settings: { reuseGrace: 30 * 60_000, accessTokenLifetime: 30 * 60_000 }
    }
  ]
}

export const zoho: Profile = {
  name: "zoho",
  title: "Zoho",
  issuer: "https://accounts.zoho.com",
  endpoints: {
    authorization: "https://accounts.zoho.com/oauth/v2/auth",
    token: "https://accounts.zoho.com/oauth/v2/token"
  },
  grant: "authorization_code",
  refresh: "keeps",
  configure:
    'its endpoints, `client_secret_post`, `complianceFixes.scopeSeparator`, `parameters: { access_type: "offline" }`, and ' +
    '`complianceFixes: { errorCodes: { invalid_code: "invalid_grant" } }`',
  deviations: [
    {
      what: "documents no metadata",
      source: "Zoho CRM API, OAuth 2.0",
      metadata: []
    },
    {
      what: "a refresh token only with `access_type=offline`",
      source: "Zoho CRM API, Authorization Request",
      isOffline: onlyWith("access_type", "offline")
    },
    {
      what: "scopes with commas in the request",
      source: "Zoho CRM API, Authorization Request",
      scopeSeparator: ","
    },
    {
      what: "`api_domain` beside the token",
      source: "Zoho CRM API, Generate Access and Refresh Tokens",
      tokenResponse: adding({ api_domain: "https://www.zohoapis.com" })
    },
    {
      what: "`location` and `accounts-server` in the redirect",
      source: "Zoho CRM API, Authorization Request",
      settings: { redirect: { location: "us", "accounts-server": "https://accounts.zoho.com" } }
    },
    {
      what: "status 200 with `invalid_code` for an invalid code or refresh token",
      source: "Zoho Community, Kaizen #4: Troubleshooting OAuth2.0; Weble/ZohoBooksApi#84",
      errorResponse: invalidGrant(200, () => ({ error: "invalid_code" }))
    }
  ]
}
