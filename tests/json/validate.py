"""Check JSON documents against a schema.

Usage: COMMAND | validate.py SCHEMA-FILE LABEL    one document, or one a line
"""

import json
import sys

import jsonschema


def documents(text):
    """The documents of a text: one object over many lines, or one a line."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        doc, at = decoder.raw_decode(text, at)
        yield doc
        while at < len(text) and text[at].isspace():
            at += 1


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    count = wrong = 0
    for doc in documents(sys.stdin.buffer.read().decode("utf-8")):
        count += 1
        for error in list(validator.iter_errors(doc))[:5]:
            where = "/".join(str(p) for p in error.absolute_path)
            print(f"{sys.argv[2]}: /{where}: {error.message[:300]}")
            wrong += 1
    if count == 0:
        print(f"{sys.argv[2]}: no document")
    return 1 if wrong or not count else 0


sys.exit(main())
