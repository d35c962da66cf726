/** The default theme of VitePress, with wider pages: lines of code have up to 120 characters, and the tables many columns. */
import DefaultTheme from "vitepress/theme-without-fonts"
import "./style.css"

export default DefaultTheme
