"""Checks manifests, a JSON list on standard input, against the schemas of Kubernetes and of the Prometheus Operator.

Words: the folder of test/install-schemas.sh, and versions of Kubernetes. Unknown keys are refused. Prints a line for
each manifest that is wrong, and ends with 1 then.
"""

import functools
import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
import jsonschema  # noqa: E402
import kubernetes_validate.utils  # noqa: E402

# Else each manifest would read the same megabyte again.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

OWN = pathlib.Path(__file__).parent / 'schemas'


def complaint(manifest, version):
    own = OWN / f"{manifest['kind'].lower()}-{manifest['apiVersion'].split('/')[-1]}.json"
    try:
        if own.exists():
            jsonschema.Draft7Validator(json.loads(own.read_text())).validate(manifest)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as cause:
        return f"{'.'.join(map(str, cause.absolute_path))}: {cause.message}"
    except kubernetes_validate.SchemaNotFoundError as cause:
        return cause.message
    return None


manifests = json.load(sys.stdin)
wrong = [
    f"{version}: {manifest['kind']} {manifest['metadata']['name']}: {text}"
    for version in sys.argv[2:]
    for manifest in manifests
    if (text := complaint(manifest, version))
]
print('\n'.join(wrong) if wrong else f'{len(manifests)} are valid')
sys.exit(1 if wrong else 0)
