"""Codes that are not rules: names, values, sources and old names. `trainspec rule CODE` explains these too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """What a code means: its kebab-case name, what was found, why it is refused, what to write."""

    name: str
    meaning: str
    reason: str
    fix: str


CODES: dict[str, Explanation] = {
    "VAL101": Explanation(
        "wrong-type",
        "a value of a type that the setting does not take",
        "types are never guessed: a boolean is not a number, and a number in quotes is text",
        "write a value of the type named in the message",
    ),
    "VAL102": Explanation(
        "out-of-range", "a number outside its bounds", "outside them the setting has no meaning", "stay within them"
    ),
    "VAL103": Explanation(
        "not-a-choice", "a value that is not among the choices", "choices are written exactly", "write one of them"
    ),
    "VAL104": Explanation(
        "not-finite", "nan or infinity", "it would spread through every number of the run", "write a finite number"
    ),
    "VAL105": Explanation(
        "missing", "a required setting that no source gives", "it has no default", "give it in any source"
    ),
    "VAL106": Explanation(
        "malformed", "a value of the right type that does not read as what it should be", "it cannot be used", "mend it"
    ),
    "VAL107": Explanation(
        "unknown-nested-key",
        "a key that this mapping does not have",
        "a misspelled key would otherwise be ignored",
        "use one of the mapping's keys",
    ),
    "VAL108": Explanation(
        "more-faults",
        "a setting with more faults than are told",
        "a screen of them is enough to see what is wrong",
        "mend these, and judge it again",
    ),
    "VAL201": Explanation(
        "not-filled-in",
        "a text with a placeholder of a shell, a template or another configuration system in it",
        "files are read as they stand, so the placeholder itself would be the value",
        "write the value, or have it filled in before",
    ),
    "VAL202": Explanation(
        "word-for-a-value",
        "a text that spells null, true or false",
        "in quotes, or written None, it is a word like any other",
        "write null, true or false",
    ),
    "VAL203": Explanation(
        "quotes-in-a-text",
        "a text with quotes around it that are part of it",
        "docker's --env-file and some shells keep quotes that others take off",
        "write it without them",
    ),
    "VAL204": Explanation(
        "file-not-here",
        "a setting that names a file which is neither beside its document nor in the working directory",
        "what it says is not known here; the machine that trains needs it",
        "put it there, correct the path, or write what it says into the setting",
    ),
    "SRC101": Explanation(
        "unknown-variable",
        "a TRAINSPEC_ variable that matches no setting",
        "a mistyped variable would otherwise be ignored",
        "correct the name, or unset the variable",
    ),
    "SRC102": Explanation(
        "unknown-key",
        "a key that matches no setting",
        "a mistyped key would otherwise be ignored",
        "correct the name; trainspec migrate reads other programs' files, --ignore-unknown passes over their keys",
    ),
    "SRC103": Explanation(
        "unknown-flag",
        "a flag that matches no setting",
        "a mistyped flag would otherwise be ignored",
        "correct the name; --help lists them",
    ),
    "SRC104": Explanation(
        "duplicate-key", "a key that stands twice in one mapping", "one of the two would be lost", "keep one"
    ),
    "SRC105": Explanation("not-found", "a file that is not there", "nothing can be read", "correct the path"),
    "SRC106": Explanation(
        "not-readable",
        "a file that cannot be read: no permission, no regular file, not UTF-8, or the network failed",
        "nothing can be read",
        "see the message",
    ),
    "SRC107": Explanation("bad-syntax", "a file that does not parse", "its meaning is unknown", "mend the line named"),
    "SRC108": Explanation(
        "not-a-mapping", "a document that is not a mapping of settings", "settings have names", "write key: value"
    ),
    "SRC109": Explanation(
        "too-large",
        "a file, a name or what anchors expand to beyond the bounds: a million characters, 40,000 values, 64 levels",
        "no settings come near them, and a few lines can be made to take gigabytes",
        "write the settings plainly, and less in one file",
    ),
    "SRC110": Explanation("no-subtree", "--at names a path that is not there", "nothing can be read", "correct it"),
    "SRC111": Explanation(
        "missing-package", "a URL whose protocol needs a package", "nothing can be read without it", "install it"
    ),
    "SRC112": Explanation(
        "missing-value", "a flag or word that does not fit the command line", "its meaning is unknown", "see --help"
    ),
    "SRC113": Explanation(
        "given-twice", "a setting that one source gives in two ways", "one of the two would be lost", "keep one"
    ),
    "SRC114": Explanation(
        "unknown-format",
        "a file whose ending is not .yaml, .yml, .json or .toml",
        "formats are not guessed",
        "rename it",
    ),
    "SRC115": Explanation(
        "ignored-keys", "keys of other programs, passed over by --ignore-unknown", "they are not settings", "nothing"
    ),
    "SRC116": Explanation(
        "near-miss-secret",
        "a file in the secrets directory, or a key of a secret, whose name is almost that of a setting that is read",
        "a mistyped name would otherwise be ignored",
        "correct the name, or ignore this when it is another program's",
    ),
    "SRC117": Explanation(
        "given-again",
        "a flag that stands several times with different values",
        "the last one holds, and what the others say is lost",
        "give it once",
    ),
    "SRC118": Explanation(
        "file-again",
        "a config file that is named several times",
        "it would be laid over itself and what stands between",
        "name it once, weaker files first",
    ),
    "SRC120": Explanation(
        "source-missing",
        "a secret, parameter, vault or project that a source of settings names and that is not there",
        "nothing can be read",
        "correct its name, or make it",
    ),
    "SRC121": Explanation(
        "source-denied",
        "a source of settings that refuses to be read: no credentials, expired ones, or no permission",
        "nothing can be read",
        "give this process credentials that may read it",
    ),
    "SRC122": Explanation(
        "source-unreachable",
        "a source of settings that does not answer: no such host, no connection, or too slow",
        "waiting for it would hold every start up",
        "see that its address is right and can be reached from here",
    ),
    "SRC123": Explanation(
        "source-failed",
        "a source of settings that fails by itself, or gives something else than a mapping of settings",
        "nothing can be read",
        "mend the source",
    ),
    "SRC125": Explanation(
        "bad-secret-source",
        "an address of a secret manager, in TRAINSPEC_SECRETS_FROM, that cannot be used",
        "nothing can be read from it",
        "write aws-sm://name, aws-ssm://path, gcp-sm://project or azure-kv://vault, several with commas between them",
    ),
    "SRC126": Explanation(
        "near-miss-variable",
        "a variable with an app's prefix that matches nothing in the app, and is almost one that it has",
        "a mistyped name would otherwise be ignored",
        "correct the name, or ignore this when it is another program's",
    ),
    "SRC127": Explanation(
        "accelerate-configuration",
        "a configuration file of accelerate, given as settings",
        "some of its keys are named like settings and mean other things",
        "trainspec migrate FILE writes what it says as settings",
    ),
    "SRC130": Explanation(
        "unset-name",
        "a dotenv line with ${NAME} where nothing sets NAME",
        "dotenv files are expanded as python-dotenv does, for which a name that is not set is empty text",
        "set the name, or give a default: ${NAME:-default}",
    ),
    "SRC141": Explanation(
        "known-when-run",
        "a word of a script that only running it would tell: an unset variable, the output of a command, a pattern",
        "scripts are read and never run, and no value is made up",
        "write the setting yourself",
    ),
    "SRC142": Explanation(
        "several-commands",
        "a script with several commands that have settings",
        "each is a run of its own, and they are never merged",
        "choose one with --command N",
    ),
    "SRC143": Explanation(
        "no-command",
        "a script in which nothing starts a training script, or not as many commands as --command says",
        "there are no settings to read",
        "pass the command line itself: trainspec migrate --from cli 'python train.py --seed 7'",
    ),
    "SRC144": Explanation(
        "assumed-default",
        "a value that a script gives only where a variable is not set, as ${SEED:-42} does",
        "the environment of a run may say something else",
        "check that the value is the one that you want",
    ),
    "SRC145": Explanation(
        "cut-off-flags",
        "flags on a line of their own that no command goes on to",
        "a comment between lines, or a backslash that is missing or has a blank behind it, ends the command above",
        "mend the line above if they should count",
    ),
    "SRC146": Explanation(
        "decided-elsewhere",
        "a setting that another program's file leaves open, or says in a way that has no counterpart",
        "no value is made up",
        "write the setting yourself",
    ),
    **{
        f"{family}{number}": Explanation(name, f"{what} of {whose}", why, fix)
        for family, whose in (("SCH", "a learning-rate schedule"), ("OPT", "an optimizer"))
        for number, name, what, why, fix in (
            (
                201,
                "unknown-argument",
                "an argument that is none",
                "it would be ignored",
                "use one that the message names",
            ),
            (202, "bad-argument", "an argument of a wrong type or out of its bounds", "it cannot be used", "mend it"),
            (
                203,
                "malformed-arguments",
                "arguments that do not read k=v,k2=v2",
                "they cannot be read",
                "write k=v,k2=v2",
            ),
        )
    },
    "REN101": Explanation(
        "deprecated-name", "an old name, which still works", "one name for one thing", "use the new one"
    ),
    "REN102": Explanation("removed-name", "a name that has no successor", "see the message", "drop it"),
    "REN103": Explanation(
        "old-and-new-name", "an old and a new name with different values", "only one can hold", "keep the new one"
    ),
    "REN104": Explanation("retired-value", "an old value, which still works", "see the message", "use the new one"),
    "REN105": Explanation("refused-value", "an old value that no value of today replaces", "see the message", "choose"),
    "REN107": Explanation(
        "foreign-setting",
        "a setting of transformers' own class that is none here",
        "transformers is newer than what trainspec knows of it",
        "leave it out",
    ),
    "REN106": Explanation(
        "newer-name", "a name of transformers 5.x for a setting of ours", "one name for one thing", "use our name"
    ),
}
