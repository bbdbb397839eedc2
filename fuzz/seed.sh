#!/usr/bin/env bash
# Fills fuzz/corpus/<target> with real files to start from: the fixtures, and the shared data if it is there
# ($PEANUT_SHARED_DATA or ../shared/data beside the project). Files over 256 kB make the fuzzer slow and are left out.
set -euo pipefail
cd "$(dirname "$0")"
shared="${PEANUT_SHARED_DATA:-../../shared/data}"

# seed TARGET FILE…: copies each file under the name of its content.
seed() {
    local target="$1" file
    mkdir -p "corpus/$target"
    while IFS= read -r -d '' file; do
        cp -f -- "$file" "corpus/$target/$(sha256sum -- "$file" | cut -c1-16)"
    done
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
mkdir -p corpus/query
queries=('budget from:alice after:2024' '"exact phrase" -not word*' 'type:pdf in:"a b" tag:x' 'date:2026-01..2026-03' 'lex:foo vec:bar is:deleted')
for index in "${!queries[@]}"; do
    printf '%s' "${queries[$index]}" >"corpus/query/seed-$index"
done
du -s --apparent-size corpus/* | sort -k2
