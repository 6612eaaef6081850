/** A feed that changes its codes is noticed. */
import { describe, expect, it } from '@jest/globals';
import type { CodeableConcept } from '@medplum/fhirtypes';
import { chartOf } from '../../../src/core/chart/chart.ts';
import { orphanCodes } from '../../../src/core/facts/orphan-codes.ts';
import { concepts, patient, result } from './given.ts';

const LOCAL = 'urn:oid:1.2.3.4';
function orphans(code: CodeableConcept, value: number, unit: string) {
  return orphanCodes(chartOf([patient(), result('potassium', value, unit, { code })]), concepts);
}

describe('a result in no concept', () => {
  it('that has the name, the unit and the size of a potassium is told', () => {
    const code = { coding: [{ system: LOCAL, code: 'K-NEW', display: 'Potassium, plasma (new analyser)' }] };
    expect(orphans(code, 4.1, 'mmol/L')).toEqual([{ code: `${LOCAL}|K-NEW`, looksLike: 'potassium-blood' }]);
  });

  it('is told by the text of the laboratory, where the code has no name', () => {
    const code = { text: 'Serum Magnesium', coding: [{ code: 'MG2' }] };
    expect(orphans(code, 0.8, 'mmol/L')).toEqual([{ code: '|MG2', looksLike: 'magnesium-serum' }]);
  });

  it('is not told when unit or size are those of something else, or the code is known', () => {
    const named = (display: string) => ({ coding: [{ system: LOCAL, code: 'X', display }] });
    expect(orphans(named('Potassium 24 h urine'), 60, 'mmol/(24.h)')).toEqual([]);
    expect(orphans(named('Potassium in urine'), 60, 'mmol/L')).toEqual([]);
    expect(orphans(named('Body mass index'), 24, 'kg/m2')).toEqual([]);
    const refused = {
      coding: [{ system: 'http://loinc.org', code: '29349-8', display: 'Potassium --post dialysis' }],
    };
    expect(orphans(refused, 3.1, 'mmol/L')).toEqual([]);
  });
});
