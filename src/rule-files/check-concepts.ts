/**
 * What must hold between the lines of concept files, beyond their form.
 */
import { isHierarchical, plainCode } from '../core/concepts/code-systems.ts';
import type { CodeMatch, ConceptFile } from '../core/concepts/concept-file.ts';
import { isLoincCode, isSnomedCode } from './check-digits.ts';
import type { Problem } from './problems.ts';

type Faults = readonly string[];

/**
 * @param ids of all files, also of those that could not be read, so that one bad file is told once.
 * @returns one sentence per problem; empty when all is well.
 */
export function conceptProblems(files: readonly ConceptFile[], ids: ReadonlySet<string>): Problem[] {
  const children = new Map(files.map((file) => [file.id, file.includes ?? []]));
  const topical = new Set(files.find((file) => file.id === 'fluoroquinolone-topical')?.codes?.map(keyOf));
  return files.flatMap((file) =>
    [
      ...codeFaults(file),
      ...unitFaults(file),
      ...includeFaults(file.id, children, ids),
      ...routeFaults(file, topical),
    ].map((reason) => ({ file: conceptPath(`${file.id}.json`), at: '', reason })),
  );
}

/** Where a concept file lies in the rule folder. */
export function conceptPath(name: string): string {
  return `concepts/${name}`;
}

function codeFaults({ codes = [], refused = [], includes = [] }: ConceptFile): Faults {
  const faults: string[] = [];
  const members = new Set<string>();
  const out = new Set<string>();
  for (const [rows, own, other] of [
    [codes, members, out],
    [refused, out, members],
  ] as const) {
    for (const row of rows) {
      const fault = codeFault(row);
      if (fault !== undefined) faults.push(`${named(row)} ${fault}`);
      const key = keyOf(row);
      if (own.has(key)) faults.push(`${named(row)} is listed twice`);
      if (other.has(key)) faults.push(`${named(row)} is both a member and refused`);
      own.add(key);
    }
  }
  if (codes.length + refused.length + includes.length === 0) faults.push('no code means this concept');
  return faults;
}

function codeFault({ system, code, prefix }: CodeMatch): string | undefined {
  if (prefix !== undefined) {
    if (code !== undefined) return 'has a code and a prefix; one of them is wanted';
    return isHierarchical(system) ? undefined : 'is a prefix; only icd10cm and atc have them';
  }
  if (code === undefined) return 'needs a code or a prefix';
  const right = system === 'loinc' ? isLoincCode(code) : system !== 'snomed' || isSnomedCode(code);
  return right ? undefined : 'has a wrong check digit';
}

function unitFaults({
  kind,
  unit,
  units,
  refusedUnits,
  plausible,
  reference,
  decimals,
}: ConceptFile): Faults {
  const measured = [units, refusedUnits, plausible, reference, decimals].some((part) => part !== undefined);
  if (unit === undefined) return measured ? ['a measured concept needs its canonical unit'] : [];
  const faults: string[] = [];
  if (kind !== 'observation') faults.push('only an observation has a unit');
  if (units?.[unit] !== 1) faults.push(`its canonical unit ${unit} must be among its units, with factor 1`);
  for (const refused of refusedUnits ?? []) {
    if (units?.[refused] !== undefined) faults.push(`the unit ${refused} is both converted and refused`);
  }
  if (plausible !== undefined && plausible[0] >= plausible[1]) faults.push('its plausible range is empty');
  return faults;
}

function includeFaults(
  id: string,
  children: ReadonlyMap<string, readonly string[]>,
  ids: ReadonlySet<string>,
): Faults {
  const missing = (children.get(id) ?? []).filter((child) => !ids.has(child));
  const faults = missing.map((child) => `it includes ${child}, and there is no such concept`);
  return below(id, children).has(id) ? [...faults, 'it includes itself, directly or through others'] : faults;
}

function below(id: string, children: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const open = [...(children.get(id) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(children.get(next) ?? []));
  }
  return found;
}

const SYSTEMIC_FLUOROQUINOLONE = /^(fluoroquinolone|ciprofloxacin|levofloxacin|moxifloxacin)-systemic$/;

/** An ear drop taken for a tablet raises a false alarm; a tablet taken for an ear drop hides a true one. */
function routeFaults({ id, codes = [] }: ConceptFile, topical: ReadonlySet<string>): Faults {
  if (!SYSTEMIC_FLUOROQUINOLONE.test(id)) return [];
  return codes
    .filter((row) => topical.has(keyOf(row)))
    .map((row) => `${named(row)} is also in fluoroquinolone-topical; a product has one route`);
}

function keyOf({ system, code, prefix }: CodeMatch): string {
  return `${system}|${prefix === undefined ? '' : '^'}${plainCode(system, prefix ?? code ?? '')}`;
}

function named({ system, code, prefix, display }: CodeMatch): string {
  return `${system} ${prefix ?? code ?? '?'} (${display})`;
}
