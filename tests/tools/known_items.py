#!/usr/bin/env python3
"""Makes judged known-item sets in seven languages (BEIR's layout, for `peanut eval`) of the paragraphs of the Debian
Administrator's Handbook: what somebody remembers of one paragraph (three of its rarest words, or three stretches of
characters where no blanks stand between words; every second query in small letters and without accents) must find it.

    apt-get download debian-handbook && dpkg-deb -x debian-handbook_*.deb handbook
    tests/tools/known_items.py handbook SETS            # one folder a language
    tests/tools/known_items.py handbook SETS --all      # one folder: the paragraphs of all languages together
    tests/tools/known_items.py handbook FILE --small    # the fixture of tests/known_items.rs
"""

import collections
import glob
import html
import json
import os
import random
import re
import sys
import unicodedata

LANGUAGES = ["ar-MA", "de-DE", "es-ES", "fr-FR", "ja-JP", "ru-RU", "zh-CN"]
OTHER_SCRIPTS = {"ar-MA", "ja-JP", "ru-RU", "zh-CN"}
QUERIES = 50
RAREST = 8
WORDS = 3


def paragraphs(root, language):
    """Its paragraphs in its own script, each once."""
    found = {}
    for path in sorted(glob.glob(f"{root}/usr/share/doc/debian-handbook/html/{language}/*.html")):
        with open(path, encoding="utf-8") as page:
            for inner in re.findall(r'<div class="para">(.*?)</div>', page.read(), re.S):
                text = " ".join(html.unescape(re.sub(r"<[^>]+>", "", inner)).split())
                foreign = sum(ord(character) > 127 for character in text)
                if len(text) >= 80 and (language not in OTHER_SCRIPTS or foreign > 0.4 * len(text)):
                    found.setdefault(text, None)
    return list(found)


def words(text, language):
    """What may be remembered of a text."""
    if language in ("ja-JP", "zh-CN"):
        return set(re.findall(r"[\u4e00-\u9fff]{2,4}|[\u30a0-\u30ff]{3,}", text))
    letters = {"ar-MA": r"[\u0620-\u064a]{4,}", "ru-RU": r"[а-яёА-ЯЁ]{5,}"}.get(language, r"[^\W\d_]{5,}")
    return {word.lower() for word in re.findall(letters, text)}


def typed(query, language):
    """As people type in a hurry."""
    if language in ("ja-JP", "zh-CN"):
        return query
    return "".join(c for c in unicodedata.normalize("NFD", query.lower()) if not unicodedata.combining(c))


def known_items(texts, language, count):
    """Queries and the paragraph each was made of."""
    held = [words(text, language) for text in texts]
    frequency = collections.Counter(word for one in held for word in one)
    chance = random.Random(f"{language} known items")
    order = [at for at, one in enumerate(held) if len(one) >= RAREST]
    chance.shuffle(order)
    made = []
    for number, at in enumerate(order[:count]):
        rarest = sorted(held[at], key=lambda word: (frequency[word], word))[:RAREST]
        query = " ".join(chance.sample(rarest, WORDS))
        # й and ё are letters of their own.
        plain = number % 2 == 1 and language != "ru-RU"
        made.append((typed(query, language) if plain else query, at))
    return made


def write(folder, corpus, queries):
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/corpus.jsonl", "w", encoding="utf-8") as out:
        for name, text in corpus:
            out.write(json.dumps({"_id": name, "title": "", "text": text}, ensure_ascii=False) + "\n")
    with open(f"{folder}/queries.jsonl", "w", encoding="utf-8") as out, open(f"{folder}/qrels.tsv", "w") as judged:
        judged.write("query-id\tcorpus-id\tscore\n")
        for number, (query, name) in enumerate(queries):
            out.write(json.dumps({"_id": f"q{number}", "text": query}, ensure_ascii=False) + "\n")
            judged.write(f"q{number}\t{name}\t1\n")


def main():
    root, target, *how = sys.argv[1:]
    together, queries, small = [], [], []
    english = set(paragraphs(root, "en-US"))
    for language in LANGUAGES:
        # What nobody has translated yet stands there in English.
        texts = [text for text in paragraphs(root, language) if text not in english]
        if "--small" in how:
            short = [text for text in texts if len(text) <= (160 if language in ("ja-JP", "zh-CN") else 320)]
            random.Random(f"{language} small").shuffle(short)
            texts = short[:60]
        named = [(f"{language}-{at:04}", text) for at, text in enumerate(texts)]
        asked = [(query, named[at][0]) for query, at in known_items(texts, language, QUERIES)]
        print(language, len(named), "paragraphs,", len(asked), "queries", file=sys.stderr)
        small += [{"language": language, "name": name, "text": text} for name, text in named]
        small += [{"language": language, "query": query, "finds": name} for query, name in asked]
        together += named
        queries += asked
        if not how:
            write(f"{target}/{language}", named, asked)
    if "--all" in how:
        write(f"{target}/all", together, queries)
    if "--small" in how:
        with open(target, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in small)


main()
