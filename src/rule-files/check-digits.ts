/**
 * Check digits of LOINC and SNOMED CT: they catch typing errors in code tables at no cost.
 * RxNorm, ICD-10-CM and ATC have none.
 */

/**
 * LOINC: mod 10 (Luhn) over everything before the hyphen, each character by its place after '0' in
 * ASCII; so the letters of answer codes (`LA...`) and parts (`LP...`) take part.
 * Source: LOINC Users' Guide, check digit; the letters were worked out from published answer codes
 * (LA33-6 yes, LA32-8 no).
 */
export function isLoincCode(code: string): boolean {
  const match = /^((?:LA|LP)?\d{1,7})-(\d)$/.exec(code);
  if (match === null) return false;
  const [, body = '', check] = match;
  const sum = [...body].reverse().reduce((total, character, place) => {
    const value = character.charCodeAt(0) - 48;
    return total + (place % 2 === 0 ? 2 * value - 9 * Math.floor(value / 5) : value);
  }, 0);
  return (10 - (sum % 10)) % 10 === Number(check);
}

/** Multiplication in the dihedral group D5. */
const PRODUCT = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
/** The permutation of each place, from the right. */
const PERMUTATION = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

/** SNOMED CT identifier: 6 to 18 digits, Verhoeff (SNOMED CT Release File Specification, check-digit). */
export function isSnomedCode(code: string): boolean {
  if (!/^[1-9]\d{5,17}$/.test(code)) return false;
  const rest = [...code].reverse().reduce((state, digit, place) => {
    const turned = PERMUTATION[place % 8]?.charAt(Number(digit)) ?? '';
    return Number(PRODUCT[state]?.charAt(Number(turned)));
  }, 0);
  return rest === 0;
}
