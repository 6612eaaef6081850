/**
 * What holds for every rule: the criteria that tell decision support from a device, and limits of the method.
 *
 * Source: section 520(o)(1)(E) of the US Federal Food, Drug, and Cosmetic Act and FDA's guidance on it of
 * January 2026. A map for a hospital's own assessment; not legal advice.
 */
export const DEVICE_CRITERIA = [
  {
    criterion: 'Does not acquire, process or analyse an image, signal or pattern',
    kept: 'Inputs are single results, medicines, problems and answers. Waveforms, traces and images are not read.',
  },
  {
    criterion: 'Displays or analyses medical information',
    kept: 'Only data that clinicians would discuss: named, dated, and each with its source in the record.',
  },
  {
    criterion: 'Supports recommendations to a health care professional',
    kept: 'Options to consider, never an order. No score or probability of a risk. Nothing is shown to patients. Not a channel for emergencies: the laboratory’s critical-value call comes first.',
  },
  {
    criterion: 'The professional can review the basis independently',
    kept: 'This page gives inputs, logic, sources, tests and limits. Each alert gives the values it saw, what was not known, and what would clear it.',
  },
] as const;

/** Limits of the method, which no rule file repeats. */
export const KNOWN_LIMITS: readonly string[] = [
  'It knows only what the record holds and what could be read of it. A missing, old, unit-less or doubtful value is not known, and is never taken for a normal one.',
  'An exclusion that is not known does not stop the rule; it is listed with the alert.',
  'A medicine that is in no list of codes or names is not recognised; what rests on its absence is then not known.',
  'Tested on synthetic cases written for this rule. No study has measured it on patients; the report on alerts shows how it does at this site.',
  'Thresholds are for adults.',
];
