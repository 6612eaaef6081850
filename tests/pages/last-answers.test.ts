import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { lastAnswers } from '../../src/pages/last-answers.ts';
import { openLog } from '../../src/watch/log.ts';

function app(): { readonly app: express.Express; readonly lines: string[] } {
  const lines: string[] = [];
  const made = express();
  made.get('/broken', () => {
    throw new TypeError('planted-134418 of a patient');
  });
  made.use(lastAnswers(openLog('error', { write: (line) => void lines.push(line) })));
  return { app: made, lines };
}

describe('what nothing else answered', () => {
  it('a fault of ours is a plain page with an id that stands in the log, and nothing of what went wrong', async () => {
    const { app: one, lines } = app();
    const { status, text, headers } = await request(one).get('/broken').set('accept', 'text/html');
    expect([status, headers['cache-control']]).toEqual([500, 'no-store']);
    const [, id] = /class="code">([0-9a-f-]{36})</.exec(text) ?? [];
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ correlation: id, code: 'TypeError' });
    expect(text + lines).not.toMatch(/planted-134418|at .*\.ts/);
  });

  it('for programs is JSON', async () => {
    const { app: one } = app();
    expect((await request(one).get('/broken').set('accept', 'application/json')).body).toMatchObject({
      error: 'failed',
    });
    expect((await request(one).get('/nowhere').set('accept', 'application/json')).body).toEqual({
      error: 'not-found',
    });
  });

  it('an address that is not there is a page that says so, safe as any other', async () => {
    const { status, text, headers } = await request(app().app).get('/nowhere').set('accept', 'text/html');
    expect([status, headers['cache-control']]).toEqual([404, 'no-store']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(text).toContain('<h1>Not found</h1>');
  });
});
