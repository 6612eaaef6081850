import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { CommentSeal } from '../../src/answers/comment.ts';
import { MEASURES } from '../../src/reports/measures.ts';
import { type ReportSettings, reports } from '../../src/reports/reports.ts';
import { keepCardAnswer } from '../../src/store/card.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { fillBusyHospital, TODAY, WARD } from './busy-hospital.ts';

const TOKEN = 'token-of-the-reports-0123456789abcdef';
const PLANTED = 'planted-134418';
const SEAL = new CommentSeal('a secret');
const CARD = '00000000-0000-5000-8000-000000000001';

let store: Store;
beforeAll(async () => {
  store = await openStore({ dataDir: 'memory://', connections: [WARD] });
  await fillBusyHospital(store, 2);
  const at = new Date(TODAY.getTime() - 3_600_000);
  await keepCardAnswer(
    store.db,
    'north' as ConnectionId,
    CARD,
    {
      outcome: 'overridden',
      suggestions: [],
      reason: { code: '=cmd|calc' },
      comment: SEAL.seal(`=${PLANTED}, <b>"old"</b>`, CARD),
      at,
      receivedAt: at,
      clockSuspect: false,
    },
    { orphan: false, fingerprint: 'planted' },
  );
});
afterAll(async () => await store[Symbol.asyncDispose]());

function app(settings?: Partial<ReportSettings>) {
  const all = settings && { identified: false, smallestCell: 5, ...settings };
  return express().use(
    '/reports',
    reports({
      db: store.db,
      settings: all,
      now: () => TODAY,
      timeZone: 'Europe/London',
      secure: true,
      rules: [{ id: 'el-hypokalaemia', version: '1.0.0', title: 'Low potassium' }],
      openComment: (sealed, sealedTo) => SEAL.open(sealed, sealedTo),
    }),
  );
}
const guarded = () => app({ token: TOKEN });
const asked = (path: string, settings?: Partial<ReportSettings>) =>
  request(app({ token: TOKEN, ...settings }))
    .get(path)
    .set('Authorization', `Bearer ${TOKEN}`);

describe('who may read the reports', () => {
  it('nobody while the configuration names no token', async () => {
    await request(app()).get('/reports/alerts').set('Accept', 'application/json').expect(403);
    await request(app()).get('/reports/feedback.csv').expect(403);
    const { text } = await request(app()).get('/reports/alerts').set('Accept', 'text/html').expect(403);
    expect(text).toContain('reports.tokenFrom');
  });

  it('who has the token, and nobody with another or none', async () => {
    await asked('/reports/alerts.json').expect(200);
    for (const path of [
      '/reports/alerts',
      '/reports/alerts.csv',
      '/reports/feedback.ndjson',
      '/reports/feedback.csv',
    ]) {
      const { headers } = await request(guarded()).get(path).expect(401);
      expect(headers['www-authenticate']).toBe('Bearer');
      await request(guarded()).get(path).set('Authorization', `Bearer ${TOKEN}x`).expect(401);
    }
  });

  it('a browser after the token was typed, for eight hours, by a cookie of this path only', async () => {
    const wrong = await request(guarded())
      .post('/reports/sign-in')
      .type('form')
      .send({ token: 'no' })
      .expect(401);
    expect(wrong.headers['set-cookie']).toBeUndefined();
    expect(wrong.text).toContain('not the token');
    const right = await request(guarded())
      .post('/reports/sign-in')
      .type('form')
      .send({ token: TOKEN })
      .expect(303);
    const [cookie = ''] = right.headers['set-cookie'] as unknown as string[];
    expect(cookie).toMatch(/Path=\/reports; .*HttpOnly; Secure; SameSite=Strict/);
    const [pair = ''] = cookie.split(';');
    expect(decodeURIComponent(pair)).not.toContain(TOKEN);
    await request(guarded()).get('/reports/alerts').set('Cookie', pair).expect(200);
    const [name, value = ''] = pair.split('=');
    const [until, signed] = value.split('.');
    const later = `${name}=${Number(until) + 1}.${signed}`;
    await request(guarded()).get('/reports/alerts').set('Cookie', later).expect(401);
    const other = app({ token: `${TOKEN}-renewed` });
    await request(other).get('/reports/alerts').set('Cookie', pair).expect(401);
  });

  it('in the demo the machine itself, but nobody through a proxy or under another name', async () => {
    const open = app({ openOnThisMachine: true });
    await request(open).get('/reports/alerts.json').expect(200);
    await request(open).get('/reports/alerts.json').set('X-Forwarded-For', '192.0.2.7').expect(403);
    await request(open).get('/reports/alerts.json').set('Host', 'hospital.example').expect(403);
  });
});

describe('the report on alerts', () => {
  it('gives every measure with its definition, for all and per rule and version', async () => {
    const { body } = await asked('/reports/alerts.json?by=rule').expect(200);
    expect(body.definitions.map(({ key }: { key: string }) => key)).toEqual(MEASURES.map(({ key }) => key));
    expect(Object.keys(body.all)).toEqual(MEASURES.map(({ key }) => key));
    expect(body.groups[0].of).toEqual({ rule: 'di-low-potassium-magnesium 1.0.0' });
  });

  it('is the same in CSV: a head, a line for all, a line per group', async () => {
    const { text, headers } = await asked('/reports/alerts.csv?by=rule,week').expect(200);
    const { body } = await asked('/reports/alerts.json?by=rule,week');
    const lines = text.trimEnd().split('\r\n');
    expect(headers['content-type']).toContain('text/csv');
    expect(lines[0]).toBe(`rule,week,${MEASURES.map(({ key }) => key).join(',')}`);
    expect(lines).toHaveLength(2 + body.groups.length);
    expect(lines[1]?.startsWith(`all,all,${body.all.evaluated},${body.all.alerts},`)).toBe(true);
  });

  it('holds no patient, no user and no alert', async () => {
    const { text } = await asked('/reports/alerts').set('Accept', 'text/html').expect(200);
    const { text: json } = await asked('/reports/alerts.json');
    for (const shown of [text, json]) {
      expect(shown).not.toMatch(/\bp\d+\b|north\|/);
      expect(shown).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    }
  });

  it('says on the page what each number means, and links the rule', async () => {
    const { text } = await asked('/reports/alerts').set('Accept', 'text/html');
    for (const { means } of MEASURES) expect(text).toContain(means.replaceAll('&', '&amp;').slice(0, 40));
    expect(text).toContain('href="/rules/el-hypokalaemia"');
  });

  it('of a period without anything says so', async () => {
    const { text } = await asked('/reports/alerts?from=2020-01-01&to=2020-01-31')
      .set('Accept', 'text/html')
      .expect(200);
    expect(text).toContain('Nothing was evaluated, shown or raised in this period.');
  });

  it('includes the last day of the period', async () => {
    const day = TODAY.toISOString().slice(0, 10);
    const { body } = await asked(`/reports/alerts.json?from=2026-06-01&to=${day}`);
    expect(body.to).toBe('2026-06-21T23:00:00.000Z'); // midnight in London, summer
  });

  it.each([
    ['from=yesterday', 'date such as'],
    ['from=2026-02-30', 'date such as'],
    ['from=2026-06-10&to=2026-06-01', 'must be before'],
    ['from=2020-01-01&to=2026-01-01', 'at most 400 days'],
    ['by=patient', 'one or two of'],
    ['by=rule,rule', 'one or two of'],
    ['by=rule,week,hook', 'one or two of'],
    ['by=rule&by=week', 'one or two of'],
  ])('refuses %s in words', async (query, words) => {
    const { body } = await asked(`/reports/alerts.json?${query}`).expect(400);
    expect(body.error).toContain(words);
    const { text } = await asked(`/reports/alerts?${query}`).set('Accept', 'text/html').expect(400);
    expect(text).toContain('This is no report');
  });
});

describe('the export of feedback', () => {
  it('has intervention, action, feedback, user, date and location of every answer', async () => {
    const { text } = await asked('/reports/feedback.ndjson').expect(200);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.length).toBeGreaterThan(50);
    for (const line of lines)
      expect(Object.keys(line)).toEqual(['intervention', 'action', 'feedback', 'user', 'date', 'location']);
    expect(lines.find(({ feedback }) => feedback.commentWithheld)).toMatchObject({
      intervention: { version: '1.0.0' },
      action: { outcome: 'overridden' },
      feedback: { reason: { code: '=cmd|calc' }, comment: null },
      user: { hash: 'u1', reference: null },
      location: { connection: 'north' },
    });
  });

  it('keeps comments back, unless the site allows identified data and the reader asks for it', async () => {
    const { text } = await asked('/reports/feedback.ndjson');
    expect(text).not.toContain(PLANTED);
    await asked('/reports/feedback.ndjson?identified=true').expect(403);
    const { text: whole } = await asked('/reports/feedback.ndjson?identified=true', { identified: true });
    expect(whole).toContain(PLANTED);
  });

  it('is a table that no spreadsheet runs', async () => {
    const { text } = await asked('/reports/feedback.csv?identified=true', { identified: true }).expect(200);
    expect(text).toContain(`'=cmd|calc`);
    expect(text).toContain(`"'=${PLANTED}, <b>""old""</b>"`);
  });
});
