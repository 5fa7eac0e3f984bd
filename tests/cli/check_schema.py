#!/usr/bin/python3
"""Checks a YAML file against a JSON schema, as an editor does. usage: check_schema.py SCHEMA FILE"""

import json
import sys

import jsonschema
import yaml

try:
    jsonschema.validate(yaml.safe_load(open(sys.argv[2], encoding="utf-8")), json.load(open(sys.argv[1], encoding="utf-8")))
except jsonschema.ValidationError as fault:
    sys.exit(f"{sys.argv[2]}: {fault.message}")
