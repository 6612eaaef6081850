/**
 * A concept as its file in `rules/concepts/` says it.
 *
 * One file per concept, one code per line, so that a terminologist can review a change line by line.
 */
import type { CodeSystem } from './code-systems.ts';
import type { Concept } from './concept.ts';

export const KINDS = [
  'observation',
  'medication',
  'condition',
  'route',
  'answer',
  'specimen',
] as const satisfies readonly Concept['kind'][];

/** Where a medicine enters. `parenteral` covers every injection into vein, muscle or skin fat. */
export const ROUTES = [
  'oral',
  'parenteral',
  'ophthalmic',
  'otic',
  'topical',
  'inhaled',
  'nasal',
  'rectal',
  'vaginal',
  'transdermal',
  'intra-articular',
  'intradermal',
  'intravesical',
] as const;
export type Route = (typeof ROUTES)[number];

/** What to assume when neither the dosage nor the code names a route; `none`: assume nothing. */
export const USUAL_ROUTES = ['systemic', 'oral', 'inhaled', 'none'] as const;
export type UsualRoute = (typeof USUAL_ROUTES)[number];

/**
 * How a reported value becomes the canonical one: a factor, or a formula that is not a factor
 * (see `unit-table.ts`).
 */
export type Conversion = number | 'fahrenheit' | 'ngsp-percent';

/** One of the two: `code` is matched exactly; `prefix` matches every code below it (ICD-10-CM and ATC only). */
export interface CodeMatch {
  readonly system: CodeSystem;
  readonly code?: string;
  readonly prefix?: string;
  /** For people; never evidence. */
  readonly display: string;
}

export interface CodeRow extends CodeMatch {
  /** Term type: `IN` ingredient, `SCD` clinical drug, `SBD` branded drug, `ATC4`, `panel` ... */
  readonly level?: string;
  readonly ingredient?: string;
  readonly route?: Route;
  readonly value?: string;
  /** Seen in one source only: left out unless a site asks for such codes. */
  readonly unconfirmed?: true;
  readonly note?: string;
}

/** A code that looks like a member and is none. */
export interface RefusedRow extends CodeMatch {
  readonly reason: string;
}

/** An ingredient of a medicine class, by the names under which it stands in free text. */
export interface Ingredient {
  readonly name: string;
  /** Other spellings and fixed brand names. */
  readonly alsoNamed?: readonly string[];
  readonly usualRoute?: UsualRoute;
}

export interface ConceptFile extends Concept {
  readonly note?: string;
  /** Unit as written -> conversion to the canonical unit. */
  readonly units?: Readonly<Record<string, Conversion>>;
  /** Units that are seen and must not be converted, such as mL/min for an indexed eGFR. */
  readonly refusedUnits?: readonly string[];
  readonly ingredients?: readonly Ingredient[];
  readonly codes?: readonly CodeRow[];
  readonly refused?: readonly RefusedRow[];
}
