import '@fontsource-variable/inter/wght.css'
import './styles/fonts.css'
import './styles/tokens.css'
import './styles/base.css'
import { documentInAddress } from './ui/location'

const app = document.getElementById('app')
if (app === null) throw new Error('the page has no #app')

const name = documentInAddress()
if (name === null) {
  const { homePage } = await import('./pages/home')
  homePage(app)
} else {
  const { documentPage } = await import('./pages/document')
  documentPage(app, name)
}
