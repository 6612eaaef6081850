/**
 * The frame that every page has: skip link, header, main part, footer.
 *
 * Help and the sentence about what this is not stand in the same place on all pages.
 */
import { type Content, document, html } from './html.ts';

export type Theme = 'light' | 'dark';

export interface NavigationLink {
  readonly label: string;
  readonly href: string;
  readonly current?: boolean;
}

export interface Page {
  /** Stands before "cramp-cds" in the window's title. */
  readonly title: string;
  readonly main: Content;
  readonly navigation?: readonly NavigationLink[];
  /** Chosen by the reader; what the system prefers otherwise. */
  readonly theme?: Theme;
  /** At the end of the header: small forms and links, such as the theme switch. */
  readonly tools?: Content;
  /** Between header and main part: who the page is about. */
  readonly banner?: Content;
  /** First in the footer: how old the data are, which version. */
  readonly footer?: Content;
  /** More style sheets of `assets`, after `style.css`. */
  readonly styles?: readonly string[];
  /** Scripts of `assets`; a page can be read and used without them. */
  readonly scripts?: readonly string[];
  /** Whom to ask: a telephone number or an address, in words. */
  readonly help?: string;
}

export const DISCLAIMER = 'Decision support for professionals. Not a diagnosis or an order.';
const HELP = 'Ask the team that runs cramp-cds at your hospital.';

/** The page as an HTML document. */
export function layout(page: Page): string {
  const { title, navigation = [], styles = [], scripts = [], help = HELP } = page;
  return document(html`
    <html lang="en" data-theme=${page.theme}>
      <head>
        <meta charset="utf-8" />
        <title>${title} – cramp-cds</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content=${page.theme ?? 'light dark'} />
        <link rel="icon" href="/assets/mark.svg" type="image/svg+xml" />
        ${['style.css', ...styles].map((name) => html`<link rel="stylesheet" href=${`/assets/${name}`} />`)}
        ${scripts.map((name) => html`<script type="module" src=${`/assets/${name}`}></script>`)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the main part</a>
        <header class="top">
          <div class="top-row">
            <span class="brand"><${Mark} />cramp-cds</span>
            ${
              navigation.length > 0 &&
              html`<nav aria-label="Pages"><ul>
                ${navigation.map(
                  ({ label, href, current }) =>
                    html`<li><a href=${href} aria-current=${current ? 'page' : undefined}>${label}</a></li>`,
                )}
              </ul></nav>`
            }
            ${page.tools !== undefined && html`<div class="tools">${page.tools}</div>`}
          </div>
        </header>
        ${page.banner}
        <main id="main" tabindex="-1">${page.main}</main>
        <footer class="bottom">
          ${page.footer}
          <p><strong>Help:</strong> ${help}</p>
          <p>${DISCLAIMER} For emergencies the laboratory's critical-value call comes first.</p>
        </footer>
      </body>
    </html>
  `);
}

/** A muscle fibre's pulse: the mark beside the name. */
function Mark() {
  return html`<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
    <rect x="1" y="1" width="22" height="22" rx="6" fill="currentColor" />
    <path d="M4 13h4l2-6 4 11 2-5h4" fill="none" class="mark-line" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
  </svg>`;
}
