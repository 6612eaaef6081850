/**
 * Answers with a page.
 */
import type { Response } from 'express';
import { html } from './html.ts';
import { layout, type Page } from './layout.ts';

export function sendPage(res: Response, page: Page, status = 200): void {
  res.status(status).type('html').send(layout(page));
}

/** A page that says one thing: not found, ended, failed. */
export function sendNotice(
  res: Response,
  status: number,
  { heading, ...page }: Omit<Page, 'title'> & { readonly heading: string },
): void {
  const main = html`<div class="narrow panel"><h1>${heading}</h1>${page.main}</div>`;
  sendPage(res, { ...page, title: heading, main }, status);
}
