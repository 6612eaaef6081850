/** One problem of one patient, as decisions owe it to a target. */
import type { Episode, Finding } from '../../src/core/decision.ts';
import type { OwedDelivery } from '../../src/delivery/owed.ts';
import type { Service } from '../../src/delivery/service.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';

export const SERVICE_URI = 'https://cds.example.org/cramp-cds';
export const SERVICE: Service = {
  uri: SERVICE_URI,
  author: { type: 'Device', display: 'cramp-cds clinical rules' },
};

export const LOW_POTASSIUM: Finding = {
  key: 'el-hypokalaemia',
  rule: 'el-hypokalaemia',
  title: 'Low potassium',
  tier: 'moderate',
  summary: 'Low potassium 3.1 mmol/L (4 Mar); may contribute to cramps.',
  detail: 'Potassium 3.1 mmol/L (4 Mar 06:05), below 3.5. May contribute to cramps. Magnesium is not known.',
  members: ['el-hypokalaemia'],
  absorbed: [],
  advice: [
    {
      advice: 'recheck-potassium',
      kind: 'ServiceRequest',
      text: 'Consider a repeat potassium',
      suggests: ['check:potassium'],
    },
    {
      advice: 'avoid-liquorice',
      kind: 'NutritionOrder',
      text: 'Review liquorice; consider avoiding it',
      doNotPerform: true,
      cautions: ['ask about sweets & teas'],
      suggests: ['diet'],
    },
  ],
  withheld: [
    {
      advice: 'consider-potassium-replacement',
      interlock: 'il-potassium',
      why: 'check-first',
      reason: 'kidney function is not known',
      missing: ['egfr'],
    },
  ],
  reasons: ['low potassium makes muscle fire too easily'],
  implicated: ['MedicationRequest/mr-88'],
  evidence: ['Observation/k-31', 'Condition/ckd-2'],
  raisedBy: ['Observation/k-31'],
  notKnown: ['magnesium'],
  code: 'OBSA',
};

export const EPISODE: Episode = {
  key: 'el-hypokalaemia',
  number: 1,
  rule: 'el-hypokalaemia',
  members: ['el-hypokalaemia'],
  tier: 'moderate',
  raisedAt: '2026-03-04T06:12:09.000Z',
  finding: LOW_POTASSIUM,
  evidence: { 'Observation/k-31': '4', 'Condition/ckd-2': '2026-03-01T00:00:00Z' },
};

export const RAISED: OwedDelivery = {
  connectionId: 'north' as ConnectionId,
  patientId: 'p-204' as PatientId,
  change: 'raise',
  episode: EPISODE,
  decisionAt: '2026-03-04T06:12:09.000Z',
  ruleVersion: '1.0.0',
};

/** The same episode some hours later, with what changed in it. */
export function later(
  change: OwedDelivery['change'],
  hours: number,
  episode: Partial<Episode> = {},
  reason?: string,
): OwedDelivery {
  const decisionAt = new Date(Date.parse(RAISED.decisionAt) + hours * 3_600_000).toISOString();
  return {
    ...RAISED,
    change,
    decisionAt,
    episode: { ...EPISODE, ...episode },
    ...(reason === undefined ? {} : { reason }),
  };
}

export const WORSE: Partial<Episode> = {
  tier: 'critical',
  finding: {
    ...LOW_POTASSIUM,
    tier: 'critical',
    summary: 'Critically low potassium 2.4 mmol/L (4 Mar); may contribute to arrhythmia.',
    detail: 'Potassium 2.4 mmol/L (4 Mar 09:05), below 2.5. May contribute to arrhythmia.',
    evidence: ['Observation/k-32'],
    advice: [
      ...LOW_POTASSIUM.advice.slice(0, 1),
      { advice: 'consider-ecg', kind: 'ServiceRequest', text: 'Consider an ECG', suggests: ['ecg'] },
    ],
  },
  evidence: { 'Observation/k-32': '1' },
};
