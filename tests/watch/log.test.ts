import { describe, expect, it } from '@jest/globals';
import { openLog, whereOf } from '../../src/watch/log.ts';

function logTo(lines: string[]) {
  return openLog('info', { write: (line) => void lines.push(line) });
}

describe('the log', () => {
  it('writes one JSON line with the fields it was given', () => {
    const lines: string[] = [];
    logTo(lines).info('push accepted', { connection: 'north', events: 3, ms: 7 });
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ msg: 'push accepted', connection: 'north', events: 3, ms: 7 });
    expect(Object.keys(line).sort()).toEqual(['connection', 'events', 'level', 'ms', 'msg', 'time']);
  });

  it('shows a patient as sixteen hex digits that lead back to nobody, the same within one run', () => {
    const log = logTo([]);
    const key = log.patientKey('north', 'planted-134418');
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(log.patientKey('north', 'planted-134418')).toBe(key);
    expect(log.patientKey('south', 'planted-134418')).not.toBe(key);
    expect(logTo([]).patientKey('north', 'planted-134418')).not.toBe(key);
  });

  it('says nothing below its level', () => {
    const lines: string[] = [];
    logTo(lines).debug('detail');
    expect(lines).toEqual([]);
  });

  it('says where an error of ours came from, and not what it says', () => {
    const error = new TypeError('value of Mrs Harcastle is 3.4');
    error.stack = `TypeError: value of Mrs Harcastle is 3.4
    at formFact (file:///srv/app/src/core/facts/form-facts.ts:81:12)
    at node:internal/process:1:1
    at decide (file:///srv/app/src/core/decide.ts:40:3)`;
    expect(whereOf(error)).toBe('TypeError core/facts/form-facts.ts:81 core/decide.ts:40');
    expect(whereOf('a thrown word')).toBe('no error');
  });
});
