/**
 * Care-plan blocks: sets of activities for the patient that a rule may ask for by name.
 *
 * Source: care-plan blocks 1 (at most eight activities) and 4 (order, the most useful first).
 */
import { remembered } from '../../vocabulary/remembered.ts';

/** In the order of a plan. */
const BLOCKS = [
  ['CB-seek-care-now', 'Get help now'],
  ['CB-seek-care-soon', 'Contact your care team soon'],
  ['CB-med-review', 'Talk about your medicines'],
  ['CB-uti-hydration', 'Drinking during a urinary infection'],
  ['CB-foot-care-diabetes', 'Foot care in diabetes'],
  ['CB-foot-daily', 'Daily look at the feet'],
  ['CB-tests', 'Tests your team may suggest'],
  ['CB-hydration', 'Drink steadily through the day'],
  ['CB-heat', 'Hot weather and heavy sweating'],
  ['CB-smoke-free', 'Help to stop smoking'],
  ['CB-walk', 'Walking programme for leg-artery pain'],
  ['CB-stretch', 'Calf, hamstring and foot stretching'],
  ['CB-exercise-gradual', 'Build up activity step by step'],
  ['CB-food-minerals', 'Food with potassium, magnesium, calcium and vitamin D'],
  ['CB-less-salt', 'Less salt and processed food'],
  ['CB-urine-colour', 'Urine colour guide'],
  ['CB-cold-heat', 'Warmth and cold'],
  ['CB-move-breaks', 'Movement breaks'],
  ['CB-footwear', 'Shoes'],
  ['CB-elevate', 'Raise the legs'],
  ['CB-sun-vitamin-d', 'Daylight and vitamin D'],
  ['CB-sleep', 'Calmer nights'],
  ['CB-diary', 'Cramp diary'],
  ['CB-seek-care', 'When to book an appointment'],
] as const;

/** Activities for the patient in one plan; the rest is named as also available. */
export const MOST_ACTIVITIES = 8;

/** The one block that stays while a critical finding is open. Source: care-plan blocks 4. */
export const SEEK_CARE_NOW = 'CB-seek-care-now';

/** The block of an activity: `CB-stretch-1` is of `CB-stretch`; undefined for other advice. */
export const blockOf = remembered((advice): string | undefined => /^(CB-.+)-\d+$/.exec(advice)?.[1]);

/** The words for people. */
export function blockTitle(block: string): string {
  return BLOCKS.find(([id]) => id === block)?.[1] ?? block;
}

/** Activities of one block by number, blocks in the order of a plan; other advice stays before them as it came. */
export function inPlanOrder(a: string, b: string): number {
  const [placeA, placeB] = [placeOf(a), placeOf(b)];
  return placeA - placeB || (placeA < 0 ? 0 : numberOf(a) - numberOf(b));
}

function placeOf(advice: string): number {
  const block = blockOf(advice);
  if (block === undefined) return -1;
  const place = BLOCKS.findIndex(([id]) => id === block);
  return place < 0 ? BLOCKS.length : place;
}

function numberOf(advice: string): number {
  return Number(advice.slice(advice.lastIndexOf('-') + 1));
}
