import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cut, mdText, plainLine } from '../../src/cds-hooks/md-text.ts';

const HOSTILE = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(fc.constantFrom(...'<>&[]()`|*_~!#\\-+1.)\n\r\t:/@wW \u202e\u200b\u0000"\''.split('')), {
      maxLength: 200,
    })
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '![x](http://e)',
    'https://evil.example',
    '1. one',
    '- list',
  ),
);
/** Without what is escaped, as a reader of Markdown sees it. */
const unescaped = (text: string): string => text.replaceAll(/\\[\s\S]/g, 'x');

describe('text from a chart inside a card', () => {
  it('is never a tag, a link, code, emphasis or a table', () => {
    fc.assert(
      fc.property(HOSTILE, (text) => {
        const safe = mdText(text);
        expect(safe).not.toMatch(/[<>\n\r]/);
        expect(unescaped(safe)).not.toMatch(/[[\]`|*_~@]|:\/\/|^[-+]|^\d+[.)]/);
        expect(safe.replaceAll(/&(amp|lt|gt);/g, '')).not.toContain('&');
      }),
    );
  });

  it('is one line of whole characters, cut to its length', () => {
    fc.assert(
      fc.property(HOSTILE, fc.integer({ min: 2, max: 140 }), (text, longest) => {
        const line = cut(plainLine(text), longest);
        expect(line.length).toBeLessThanOrEqual(longest);
        expect(line.isWellFormed()).toBe(true);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });

  it('still reads as it was written', () => {
    expect(mdText('Potassium 3.1 mmol/L (3.5–5.1) low')).toBe('Potassium 3.1 mmol/L (3.5–5.1) low');
  });
});
