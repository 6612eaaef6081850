import { describe, expect, it } from '@jest/globals';
import type { Coding, Observation, Patient } from '@medplum/fhirtypes';
import { chartOf } from '../../../src/core/chart/chart.ts';
import { changeEpisodes } from '../../../src/core/episodes/change-episodes.ts';
import { CONFIDENTIALITY, securityLabelsOf } from '../../../src/core/episodes/security-labels.ts';
import { readRuleSet } from '../../../src/rule-files/read-rule-set.ts';
import { EPISODE, LOW_POTASSIUM } from '../../delivery/low-potassium.ts';

const confidentiality = (code: string): Coding => ({ system: CONFIDENTIALITY, code });
const HIV: Coding = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' };
const labelled = (...security: Coding[]): Patient => ({ resourceType: 'Patient', meta: { security } });

describe('the security labels of an alert', () => {
  it.each([
    [['N', 'R', 'L'], 'R'],
    [['V', 'R'], 'V'],
    [['U', 'L'], 'L'],
    [['M', 'N'], 'N'],
    [['L', 'M'], 'M'],
  ])('of the confidentiality codes %j are the most restrictive, %s', (codes, most) => {
    expect(securityLabelsOf(codes.map((code) => labelled(confidentiality(code))))).toEqual([
      confidentiality(most),
    ]);
  });

  it('hold every other label once, also codes that no list of ours has', () => {
    const local = { system: CONFIDENTIALITY, code: 'X-LOCAL' };
    const labels = securityLabelsOf([labelled(HIV, local), labelled(confidentiality('N'), HIV)]);
    expect(labels).toHaveLength(3);
    expect(labels).toEqual(expect.arrayContaining([HIV, local, confidentiality('N')]));
  });

  it('are read from a push that may hold anything', () => {
    const odd = [{ code: 7 }, { system: 3, code: 'R' }, {}] as unknown as Coding[];
    expect(securityLabelsOf([labelled(...odd), { resourceType: 'Patient' }])).toEqual([{ code: 'R' }]);
  });

  it('come from the patient and from what the alert rests on, and an alert changes with them', () => {
    const ruleSet = readRuleSet('rules', { settings: { homeTimeZone: 'Europe/London' } });
    const chart = (...security: Coding[]) =>
      chartOf([
        { ...labelled(confidentiality('N')), id: 'p-204' },
        { ...potassium, meta: { versionId: '4', security } },
        { ...potassium, id: 'other', meta: { security: [confidentiality('V')] } },
      ]);
    const finding = { ...LOW_POTASSIUM, evidence: ['Observation/k-31'], implicated: [] };
    const changes = (episodes: (typeof EPISODE)[], ...security: Coding[]) =>
      changeEpisodes({
        chart: chart(...security),
        facts: new Map(),
        findings: [finding],
        episodes,
        ruleSet,
        now: new Date(EPISODE.raisedAt),
      });
    const [raised] = changes([], confidentiality('R'), HIV);
    expect(raised?.episode.security).toEqual([HIV, confidentiality('R')]);
    if (raised === undefined) throw new Error('nothing was raised');
    expect(changes([raised.episode], confidentiality('R'), HIV)).toEqual([]);
    const [looser] = changes([raised.episode]);
    expect([looser?.change, looser?.episode.security]).toEqual(['update', [confidentiality('N')]]);
  });
});

const potassium: Observation = {
  resourceType: 'Observation',
  id: 'k-31',
  status: 'final',
  code: { text: 'Potassium' },
};
