import { describe, expect, it, jest } from '@jest/globals';
import { newPage, openBrowser } from './browser.ts';
import { https } from './tls.ts';
import { openWard } from './ward.ts';

jest.setTimeout(300_000); // a browser on a busy machine

describe('in a frame of an EHR on another site', () => {
  it('a launch keeps its session, and an answer is recorded', async () => {
    let servicePort = 0;
    let frame = '';
    await using app = await https(() => servicePort);
    await using ehr = await https(() => ({
      page: `<!doctype html><title>EHR</title><iframe src="${frame}" width="900" height="600"></iframe>`,
    }));
    const publicUrl = `https://127.0.0.1:${app.port}`;
    await using ward = await openWard({ publicUrl, frameAncestors: [`https://localhost:${ehr.port}`] });
    servicePort = Number(new URL(ward.url).port);
    const { base } = ward.hospital.sandbox;
    frame = `${publicUrl}/smart/launch?${new URLSearchParams({ iss: base, launch: 'okafor' })}`.replaceAll(
      '&',
      '&amp;',
    );
    const browser = await openBrowser();
    try {
      const page = await newPage(browser);
      await page.goto(`https://localhost:${ehr.port}/`);
      const inside = page.frameLocator('iframe');
      await inside.locator('.alert-link').first().click();
      await inside.locator('text=Not now').click();
      await inside.locator('.recorded', { hasText: 'You put this alert off for 8 hours.' }).waitFor();
      const cookies = await page.context().cookies(publicUrl);
      expect(cookies.find(({ name }) => name === '__Host-sid')).toMatchObject({
        secure: true,
        httpOnly: true,
        sameSite: 'None',
      });
    } finally {
      await browser.close();
    }
  });

  it('of a site that is not registered nothing is shown', async () => {
    let frame = '';
    await using ward = await openWard();
    await using stranger = await https(() => ({
      page: `<!doctype html><title>EHR</title><iframe src="${frame}"></iframe>`,
    }));
    frame =
      `${ward.url}/smart/launch?${new URLSearchParams({ iss: ward.hospital.sandbox.base, launch: 'okafor' })}`.replaceAll(
        '&',
        '&amp;',
      );
    const browser = await openBrowser();
    try {
      const page = await newPage(browser);
      const refused = page.waitForEvent('console', {
        predicate: (said) => /frame-ancestors/.test(said.text()),
      });
      await page.goto(`https://localhost:${stranger.port}/`);
      await refused;
      expect(await page.frameLocator('iframe').locator('.alert-link').count()).toBe(0);
    } finally {
      await browser.close();
    }
  });
});
