import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { readRuleModels } from '../../src/rule-files/read-rule-models.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { rulePages } from '../../src/rule-pages/rule-pages.ts';

const FOLDER = join(import.meta.dirname, '../../rules');
const MODELS = readRuleModels(FOLDER, readRuleSet(FOLDER));
const app = express().use('/rules', rulePages(MODELS));

const SECTIONS = [
  'Purpose and intended users',
  'Patients it is for and not for',
  'Inputs',
  'Logic',
  'Tier and why',
  'What it suggests',
  'Evidence',
  'Validation',
  'Known limits',
  'Source attributes',
  'Decision-support criteria',
  'Change history',
  'Contact',
];

describe('the rule pages', () => {
  it('show every rule in the same sections, in the same order', async () => {
    for (const { id } of MODELS) {
      const { text } = await request(app).get(`/rules/${id}`).set('Accept', 'text/html').expect(200);
      expect([...text.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, title]) => title)).toEqual(SECTIONS);
    }
  });

  it('answer an EHR that asks for JSON with all thirteen source attributes', async () => {
    const { body, headers } = await request(app)
      .get('/rules/fq-corticosteroid')
      .set('Accept', 'application/json')
      .expect(200);
    expect(body.sourceAttributes).toHaveLength(13);
    expect(body).toMatchObject({ id: 'fq-corticosteroid', version: '1.0.0', domain: 'fluoroquinolone' });
    expect(headers.vary).toContain('Accept');
  });

  it('list all rules, or those of one domain', async () => {
    const { body } = await request(app).get('/rules').set('Accept', 'application/json').expect(200);
    expect(body.rules).toHaveLength(MODELS.length);
    const { text } = await request(app).get('/rules?domain=renal').set('Accept', 'text/html');
    expect(text).toContain('href="/rules/rn-aki"');
    expect(text).not.toContain('href="/rules/el-hypokalaemia"');
  });

  it('explain the "not checked" card, which names no rule', async () => {
    const { text } = await request(app).get('/rules/data-check').set('Accept', 'text/html').expect(200);
    expect(text).toContain('no finding about the patient');
  });

  it('answer 404 for a rule that is not there, whatever its name', async () => {
    for (const name of ['el-nothing', '__proto__', 'constructor', '..%2F..%2Fetc'])
      await request(app).get(`/rules/${name}`).expect(404);
  });

  it('show hostile text of a rule file as text', async () => {
    const [first] = MODELS;
    if (first === undefined) throw new Error('no rule');
    const hostile = {
      ...first,
      title: '<script>alert(1)</script>',
      purpose: '"><img src=x onerror=alert(1)>',
    };
    const other = express().use('/rules', rulePages([hostile]));
    const { text } = await request(other).get(`/rules/${first.id}`).set('Accept', 'text/html');
    expect(text).not.toContain('<script>alert');
    expect(text).not.toContain('<img');
  });

  it('may be kept for minutes and framed by nobody else', async () => {
    const { headers } = await request(app).get('/rules/rn-aki');
    expect(headers['cache-control']).toBe('public, max-age=300');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });
});
