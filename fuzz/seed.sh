#!/usr/bin/env bash
# Fills fuzz/corpus/<target> with real files to start from: the fixtures, and the shared data if it is there
# ($PEANUT_SHARED_DATA or ../shared/data beside the project). Files over 256 kB make the fuzzer slow and are left out.
set -euo pipefail
cd "$(dirname "$0")"
shared="${PEANUT_SHARED_DATA:-../../shared/data}"
cases="$shared/../cases"

# seed TARGET FILE…: copies each file under the name of its content.
seed() {
    local target="$1" file
    mkdir -p "corpus/$target"
    while IFS= read -r -d '' file; do
        cp -f -- "$file" "corpus/$target/$(sha256sum -- "$file" | cut -c1-16)"
    done
}

# first TARGET FORMAT: writes one input as printf has it.
first() {
    mkdir -p "corpus/$1"
    # shellcheck disable=SC2059
    printf -- "$2" >"corpus/$1/first"
}

small() { find "$@" -type f -size -256k -print0 2>/dev/null || true; }

small ../tests/fixtures/email "$shared/email/torture" "$shared/email/eml" -name '*.eml' | seed mail_message
small ../tests/fixtures/email "$shared/email/mbox/mimekit" -name '*mbox*' | seed mbox
small "$shared/email/quotes" -path '*emails*' | seed quotes
small ../README.md ../docs "$shared/markdown" -name '*.md' | head -z -n 400 | seed markdown
small "$shared/markdown" -name '*.canvas' | seed canvas
small "$shared/markdown" -name '*.excalidraw' | seed excalidraw
small "$shared/docs" "$shared/email/quotes" -name '*.html' | seed html
small ../tests/fixtures "$shared/docs" -name '*.docx' | seed docx
small ../tests/fixtures "$shared/pdf" -name '*.pdf' | seed pdf
small ../README.md ../tests/fixtures "$shared/pii" | head -z -n 100 | seed text
small ../tests/fixtures "$shared/docs" | head -z -n 100 | seed detect
small ../README.md ../docs -name '*.md' | seed terms
small "$shared/email" "$cases" -iname '*.dat' | seed tnef
small "$shared/email" "$cases" -iname '*.p7m' | seed cms
small "$shared/email" "$cases" -iname '*.emlx' | seed emlx
small "$shared/docs" "$cases" -iname '*.mht*' | seed mhtml
small "$shared/email" "$cases" -iname '*.ics' | seed calendar
small "$shared/email" "$cases" -iname '*.vcf' | seed contacts
small "$shared/docs" "$cases" -iname '*.rtf' | seed rtf
small ../tests/fixtures/email "$shared/email/torture" -name '*.eml' | head -z -n 200 | seed decoder
# What no corpus has gets its first bytes, so that the fuzzer does not have to find them.
first tnef '\x78\x9f\x3e\x22\x01\x00\x01\x06\x90\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x01\x00\x02\x0f\x80\x06\x00\x03\x00\x00\x00abc\x26\x01'
first cms '\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80\x04\x05Hello\x00\x00\x00\x00\x00\x00'
first emlx '35\nFrom: a@x.org\nSubject: x\n\nhello\n\n<?xml version="1.0"?><plist><dict><key>date-received</key><integer>1710237600</integer></dict></plist>'
first mhtml 'From: <Saved by Blink>\nSnapshot-Content-Location: https://x.org/\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>x</p>\n--b--\n'
first calendar 'BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY;LANGUAGE=de:Budget\nDTSTART;TZID=Europe/Oslo:20240309T140000\nRRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20240601\nATTENDEE;CN="Lee: Ann":mailto:a@x.org\nEND:VEVENT\nEND:VCALENDAR\n'
first contacts 'BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FC=\nller;J\nTEL;HOME:1\nEMAIL:a@x.org\nEND:VCARD\n'
first rtf '{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset204 A;}}\\f0 \\u8364? \\'"'"'e4{\\field{\\*\\fldinst HYPERLINK "https://x.org"}{\\fldrslt x}}\\par}'
first decoder '\x0b\x1b$B%%O%%m!<\x1b(B!'
first parameters 'filename*0*=utf-8'"''"'%%C3%%A4; filename*1="b \\"c"; name==?utf-8?q?x?='
mkdir -p corpus/query
queries=('budget from:alice after:2024' '"exact phrase" -not word*' 'type:pdf in:"a b" tag:x' 'date:2026-01..2026-03' 'lex:foo vec:bar is:deleted')
for index in "${!queries[@]}"; do
    printf '%s' "${queries[$index]}" >"corpus/query/seed-$index"
done
du -s --apparent-size corpus/* | sort -k2
