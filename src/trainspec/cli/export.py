"""`trainspec export`: a file of settings in another form, which reads back as the same settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainspec.answers.export import FORMATS, SERVICE_FORMATS, export, export_service
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.files import files_named
from trainspec.cli.options import AT, Command, Option, wants_help
from trainspec.cli.terminal import LANG, exit_code, say, words_for

_SERVICES = ", ".join(SERVICE_FORMATS)

# Options that only some forms read; they reach the function as options["name"].
FORM_OPTIONS: tuple[Option, ...] = (
    Option("name", f"k8s, compose, slurm, ray, {_SERVICES}: what it is called there; trainspec by default", "NAME"),
    Option("image", "k8s, compose, compose-service, k8s-service: the image that it runs in", "IMAGE"),
    Option("task", "k8s, compose, slurm, ray: the task that it trains; digits by default", "TASK"),
    Option("nproc", "k8s, compose, slurm, ray: how many processes each node runs, each with one GPU", "N"),
    Option("nodes", "k8s, slurm, ray: on how many nodes; one by default", "N"),
    Option(
        "kind",
        "k8s: a job (the default; of several nodes an indexed one), a PyTorchJob of Kubeflow's training operator or a "
        "TrainJob of Kubeflow Trainer v2",
        "KIND",
        ("job", "pytorchjob", "trainjob"),
    ),
    Option("gpus", "k8s, compose, slurm, ray: how many NVIDIA GPUs a node has; with --nproc as many as processes", "N"),
    Option(
        "grace",
        f"k8s, compose, slurm, {_SERVICES}: seconds that a run has between SIGTERM and SIGKILL, 60 by default, or open "
        "requests of a service in the end, 20 by default",
        "N",
    ),
    Option("max-restarts", "k8s, slurm, ray: how often a run that failed is started again; 3 by default", "N"),
    Option(
        "as",
        "k8s, compose, slurm: the settings as variables (the default of one file) or as a file",
        "FORM",
        ("variables", "file"),
    ),
    Option("merge", "k8s, compose, slurm: several files as one, else each stays a file of its own"),
    Option("port", f"{_SERVICES}: where it listens; 8080 by default", "N"),
    Option("workers", f"{_SERVICES}: how many processes serve; 1 by default", "N"),
    Option("drain", f"{_SERVICES}: seconds in which one that ends is not ready and still answers", "N"),
    Option("admission", "k8s-service: the service as a webhook that judges ConfigMaps and TrainJobs"),
)

COMMAND = Command(
    "export",
    "[FILE...]",
    "The settings that a file says, or several files of which each is laid over those before it, in another form on "
    "stdout: variables (env), flags (cli), yaml, toml, json, which read back as the same settings; or what runs them: "
    "manifests (k8s), a service (compose), a script for sbatch (slurm), an entry for Ray Train (ray). Secrets are "
    "never in it. Without a file, what runs trainspec serve: systemd-service, compose-service, k8s-service.",
    (
        Option("to", "the form", "FORM", (*FORMATS, *SERVICE_FORMATS)),
        AT,
        Option("target", "judge the settings for this machine, too: h100x8, a100, v100, t4, cpu ...", "MACHINE"),
        *FORM_OPTIONS,
        LANG,
    ),
    examples=(
        "trainspec export run.yaml --to env > run.env",
        "trainspec export base.yaml site.yaml --to k8s --task digits > job.yaml",
        "trainspec export run.yaml --to k8s --kind trainjob --nproc 8 --nodes 4 > job.yaml",
        "trainspec export run.yaml --to slurm --nproc 8 --nodes 4 > job.sh && sbatch job.sh",
        "trainspec export --to k8s-service --image registry.example/trainspec:service > service.yaml",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if given.get("to") in SERVICE_FORMATS:
        if given.words:
            raise CannotRun(mistake("CLI102", f"{given.values['to']} takes no file", "leave the file out"))
        sys.stdout.write(export_service(given.values["to"], given.values))
        return 0
    if not given.words or not given.has("to"):
        raise CannotRun(mistake("CLI102", "export takes a file and a form", "trainspec export run.yaml --to env"))
    words = words_for(given)
    from trainspec.answers.documents import judged
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.sources.files import read_several

    try:
        documents, again = read_several(files_named(given), at=given.get("at"))
    except SourceError as error:
        say(error.diagnostics, words)
        return exit_code(error.diagnostics)
    say(again, words)
    found = export(judged(*documents), given.values["to"], given.values)
    say(found.diagnostics, words)
    if found.secrets:
        said = words("note: secrets are not written: {names}")
        print(said.format(names=", ".join(found.secrets)), file=sys.stderr)
    if found.refusal is not None:
        raise CannotRun(found.refusal)
    if found.text is None:
        return exit_code(found.diagnostics)
    sys.stdout.write(found.text)
    return 0
