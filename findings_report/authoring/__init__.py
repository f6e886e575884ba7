"""What people write: the YAML files of an engagement, in and out.

In: the files of a folder or of a git revision (`Folder`, `Revision`). Out: `Authored`, with the place of every value, or the
problems of every file; JSON Schemas; edited files that differ in the changed values only; new files.

Must not know: git objects, how a report looks, the terminal. A problem names its subject; `locate` finds the file and line.
"""

from findings_report.authoring.declared_files import CsvTable
from findings_report.authoring.files import (
    ENGAGEMENT,
    FINDING_SUFFIX,
    FOLDER,
    IMPORT_LOCK,
    LOCK,
    Files,
    Folder,
    Overlay,
    Revision,
    Snapshot,
    find_folder,
)
from findings_report.authoring.json_schema import SCHEMA_FOLDER, engagement_schema, finding_schema, modeline
from findings_report.authoring.load import (
    ENGAGEMENT_KEY,
    Authored,
    load,
    load_engagement,
    load_valid_part,
    locate,
    locating,
    natural,
)
from findings_report.authoring.new_finding import (
    NO_ENTRIES,
    NewLocation,
    append_entries,
    from_library,
    library_entries,
    merge_fields,
    next_id,
    set_field,
    stub,
    taken_ids,
    title_scalar,
    write_fields,
    written_values,
)
from findings_report.authoring.yaml_editor import change_texts, extend_list, relocate, set_text

__all__ = [
    "ENGAGEMENT",
    "ENGAGEMENT_KEY",
    "FINDING_SUFFIX",
    "FOLDER",
    "IMPORT_LOCK",
    "LOCK",
    "NO_ENTRIES",
    "SCHEMA_FOLDER",
    "Authored",
    "CsvTable",
    "Files",
    "Folder",
    "NewLocation",
    "Overlay",
    "Revision",
    "Snapshot",
    "append_entries",
    "change_texts",
    "engagement_schema",
    "extend_list",
    "find_folder",
    "finding_schema",
    "from_library",
    "library_entries",
    "load",
    "load_engagement",
    "load_valid_part",
    "locate",
    "locating",
    "merge_fields",
    "modeline",
    "natural",
    "next_id",
    "relocate",
    "set_field",
    "set_text",
    "stub",
    "taken_ids",
    "title_scalar",
    "write_fields",
    "written_values",
]
