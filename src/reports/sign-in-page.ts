/**
 * What a browser sees that may not read the reports, or asked wrongly.
 */
import { html } from '../pages/html.ts';
import type { NavigationLink, Page } from '../pages/layout.ts';

export const REPORT_NAVIGATION: readonly NavigationLink[] = [
  { label: 'Report', href: '/reports/alerts', current: true },
  { label: 'Rules', href: '/rules' },
];

export function signInPage(why: 'unproven' | 'wrong' | 'closed'): Page {
  return {
    title: 'Sign in to the reports',
    navigation: REPORT_NAVIGATION,
    main: html`<div class="narrow panel">
      <h1>Reports</h1>
      ${
        why === 'closed'
          ? html`<p>The reports of this installation are closed: its configuration names no token for them (<span class="code">reports.tokenFrom</span>).</p>`
          : html`<p>For those who answer for the quality of alerts. The report holds counts, and no patient.</p>
            ${why === 'wrong' && html`<p role="alert" id="wrong"><strong>This is not the token of the reports.</strong> Nothing was opened.</p>`}
            <form method="post" action="/reports/sign-in">
              <p><label for="token">Token of the reports</label>
              <input id="token" name="token" type="password" required autocomplete="current-password"
                aria-describedby=${why === 'wrong' ? 'wrong' : undefined} aria-invalid=${why === 'wrong' ? 'true' : undefined} /></p>
              <p><button class="primary">Open the reports</button></p>
            </form>
            <p class="muted small">Programs send it as <span class="code">Authorization: Bearer</span>.</p>`
      }
    </div>`,
  };
}

export function wrongPage(message: string): Page {
  return {
    title: 'Not a report',
    navigation: REPORT_NAVIGATION,
    main: html`<div class="narrow panel"><h1>This is no report</h1><p>${message}</p>
      <p><a href="/reports/alerts">The report of the last weeks</a></p></div>`,
  };
}
