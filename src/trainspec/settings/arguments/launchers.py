"""What each launcher tells a process by variables, and where those of two launchers cannot both be true.

    torchrun and its like   RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, GROUP_RANK
    srun of SLURM           SLURM_PROCID, SLURM_STEP_NUM_TASKS or SLURM_NTASKS, SLURM_LOCALID, SLURM_NODEID
    mpirun of Open MPI      OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE
    mpiexec of MPICH        PMI_RANK, PMI_SIZE, MPI_LOCALRANKID, MPI_LOCALNRANKS
    Kubernetes              PET_NNODES, PET_NPROC_PER_NODE ...: what torchrun is to do, said to torchrun

torch reads only the first; those of the others become the same. Nothing here looks at the machine.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

# SLURM counts steps from 0; from here on are the batch script, the shell of salloc, and what waits for either.
_NO_STEP = 0xFFFF_FFF0
# Below those that systems give to whoever asks for any.
_FIRST_PORT, _PORTS = 20_000, 10_000
_LOOPBACK = "127.0.0.1"
# Those that a process can listen at.
PORTS = range(1, 2**16)
_RUN, _RESTARTS = "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"
_STEPS = ("SLURM_STEP_ID", "SLURM_STEPID")


class Names(NamedTuple):
    """The variables of one launcher; the last two are "" where it has none."""

    launcher: str
    rank: str
    world_size: str
    local_rank: str
    local_world_size: str = ""
    node: str = ""


TORCHRUN = Names("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK")
SRUN = Names("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "", "SLURM_NODEID")
OTHERS = (
    Names("mpirun", *(f"OMPI_COMM_WORLD_{name}" for name in ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE"))),
    Names("mpiexec", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """One process of several, by the variables of one launcher; None is what it does not tell."""

    names: Names
    rank: int
    world_size: int
    local_rank: int | None = None
    local_world_size: int | None = None
    node: int | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """Variables that cannot be true together, what is wrong with them, and what to do."""

    variables: tuple[str, ...]
    message: str
    remedy: str


def number(variables: Mapping[str, str], name: str) -> int | None:
    """What is no number was not set by a launcher."""
    text = variables.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() else None


def places(variables: Mapping[str, str]) -> Iterator[Place]:
    """By each launcher that tells of several processes, the nearest first."""
    srun = (SRUN._replace(world_size=_step_size_variable(variables)),) if _in_a_step(variables) else ()
    for names in (TORCHRUN, *srun, *OTHERS):
        rank, size = number(variables, names.rank), number(variables, names.world_size)
        if rank is not None and size is not None and (size > 1 or (names is TORCHRUN and size > 0)):
            local = (number(variables, name) for name in (names.local_rank, names.local_world_size, names.node))
            yield Place(names, rank, size, *local)


def meeting_place(place: Place, variables: Mapping[str, str]) -> tuple[str, int] | None:
    """Host and port at which all processes can find the first, where the launcher sets neither MASTER_ variable.

    The port is a function of the job, so that all come to the same one; None where no host is known.
    """
    if place.names.launcher == "srun":
        nodes = variables.get("SLURM_STEP_NODELIST") or variables.get("SLURM_JOB_NODELIST") or ""
        host = first_host(nodes) or variables.get("SLURM_LAUNCH_NODE_IPADDR", "")
        job = f"{variables.get('SLURM_JOB_ID', '')}.{variables.get('SLURM_STEP_ID', '')}"
    else:
        host = _LOOPBACK if place.local_world_size == place.world_size else ""
        job = next((text for name in _JOBS if (text := variables.get(name))), "")
    return (host, _FIRST_PORT + zlib.crc32(job.encode()) % _PORTS) if host else None


_JOBS = ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "PMI_JOBID")


@dataclass(frozen=True, slots=True)
class Nodes:
    """Several nodes, in each of which one command starts the processes: how many, which this is, where the first is."""

    count: int
    this: int
    address: str
    port: int


def nodes_of(variables: Mapping[str, str]) -> Nodes | Misfit | None:
    """What the commands of several nodes are told, as torchrun by PET_ variables, and as one task a node by srun.

    None for a command that is alone; a Misfit where it is not, and cannot be one of a node each.
    """
    if variables.get("PET_NNODES", "") not in ("", "1", "1:1"):
        return _nodes_of_pods(variables)
    if variables.get("PET_NODE_RANK") == "0":
        # Of a PyTorchJob's only pod RANK and WORLD_SIZE count what is to be started in it.
        return None
    place = next(places(variables), None)
    if place is None or place.world_size == 1:
        return None
    meeting = meeting_place(place, variables)
    if place.names.launcher == "srun" and place.node == place.rank and not place.local_rank and meeting is not None:
        return Nodes(place.world_size, place.rank, *meeting)
    names, own = place.names, f"{place.rank} of {place.world_size}"
    message = f"{names.launcher} has started this process already, as rank {own} ({names.rank}, {names.world_size})"
    return Misfit((names.rank, names.world_size), message, "leave --nproc out: each process of the launcher trains")


def _nodes_of_pods(variables: Mapping[str, str]) -> Nodes | Misfit:
    told = variables["PET_NNODES"]
    least, _, most = told.partition(":")
    if most not in ("", least) or not (least.isascii() and least.isdecimal()):
        message = f"PET_NNODES is {told[:20]!r}, and --nproc takes part on a number of nodes that does not change"
        return Misfit(("PET_NNODES",), message, "write the number of nodes, or start with torchrun")
    wrong = next(_no_ports(variables, "PET_MASTER_PORT", "MASTER_PORT"), None)
    if wrong is not None:
        return wrong
    count = int(least)
    this = next((n for name in ("PET_NODE_RANK", "RANK") if (n := number(variables, name)) is not None), None)
    endpoint = variables.get("PET_RDZV_ENDPOINT", "").partition(":")
    address = variables.get("PET_MASTER_ADDR") or variables.get("MASTER_ADDR") or endpoint[0]
    ports = (variables.get("PET_MASTER_PORT"), variables.get("MASTER_PORT"), endpoint[2])
    port = next((int(text) for text in ports if text and text.isascii() and text.isdigit()), 29500)
    if this is None or this >= count or not address:
        message = f"PET_NNODES is {told}, but it is not said which node this is, or where the first one is"
        return Misfit(("PET_NNODES",), message, "set PET_NODE_RANK and PET_MASTER_ADDR, or start with torchrun")
    return Nodes(count, this, address, port)


def _no_ports(variables: Mapping[str, str], *names: str) -> Iterator[Misfit]:
    for name in names:
        text = variables.get(name, "")
        if text and not (text.isascii() and text.isdigit() and int(text) in PORTS):
            yield Misfit((name,), f"{name} is {text[:20]!r}, which is no port", _PORT)


def first_host(nodes: str) -> str:
    """Of a host list as SLURM writes it: `gpu[03-05,9],cpu1` begins with gpu03."""
    head = re.match(r"(?:[^\[\],]|\[[^\]]*\])*", nodes)
    return re.sub(r"\[([^\]\-,]*)[^\]]*\]", r"\1", head.group()) if head else ""


def misfits(variables: Mapping[str, str]) -> Iterator[Misfit]:
    """All that a launcher's variables say which no job can be; nothing where there is none, or all is well."""
    yield from unreadable(variables)
    yield from _incomplete(variables)
    found = list(places(variables))
    for place in found:
        yield from _impossible(place)
    if found:
        # Inside of torchrun, what started torchrun counts agents.
        others = found[1:] if _RUN not in variables else []
        yield from (misfit for other in others for misfit in _contradicting(found[0], other))
    elif not any(number(variables, name) is not None for name in (TORCHRUN.rank, TORCHRUN.world_size)):
        yield from _asked_of_torchrun(variables)


def unreadable(variables: Mapping[str, str]) -> Iterator[Misfit]:
    """Each variable in which a launcher writes a number, and which holds none: a process would pass over it."""
    for launcher, names in _numbers(variables):
        for name in filter(None, names):
            text = variables.get(name)
            if text and number(variables, name) is None and not (launcher == TORCHRUN.launcher and text == "-1"):
                message = f"{name} is {text[:20]!r}, which is no rank, size or count"
                yield Misfit((name,), message, f"write a whole number, as {launcher} does, or unset {name}")


def _numbers(variables: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield TORCHRUN.launcher, (*TORCHRUN[1:], _RESTARTS)
    if _RUN in variables:
        # Those of the launcher around torchrun are not for its processes.
        return
    yield TORCHRUN.launcher, ("PET_NODE_RANK",)
    yield SRUN.launcher, _STEPS
    if _in_a_step(variables):
        yield SRUN.launcher, (*SRUN[1:], "SLURM_NTASKS")
    yield from ((names.launcher, names[1:]) for names in OTHERS)


def _incomplete(variables: Mapping[str, str]) -> Iterator[Misfit]:
    rank, size = TORCHRUN.rank, TORCHRUN.world_size
    has_rank, has_size = number(variables, rank) is not None, number(variables, size) is not None
    elsewhere = next((place for place in places(variables) if place.names is not TORCHRUN), None)
    if has_rank and not has_size and elsewhere is None:
        yield Misfit((rank,), f"{rank} is {variables[rank]}, but {size} is not set: nobody says of how many", _BOTH)
    if has_size and not has_rank:
        told = number(variables, size)
        if elsewhere is None and told != 1:
            message = f"{size} is {told}, but {rank} is not set: each process would take itself for the first"
            yield Misfit((size,), message, _BOTH)
        elif elsewhere is not None and told != elsewhere.world_size:
            there = elsewhere.names.world_size
            message = f"{size} is {told}, but {elsewhere.names.launcher} says {there} {elsewhere.world_size}"
            yield Misfit((size, there), message, f"unset {size}, which {elsewhere.names.launcher} does not need")


def _impossible(place: Place) -> Iterator[Misfit]:
    names, local, of = place.names, place.local_rank, place.local_world_size
    if place.rank >= place.world_size:
        message = f"{names.rank} is {place.rank}, but {names.world_size} {place.world_size}: ranks count from 0"
        yield Misfit((names.rank, names.world_size), message, _START_AGAIN)
    if of is not None and of > place.world_size:
        message = (
            f"{names.local_world_size} is {of}, but {names.world_size} {place.world_size}: a node has a part of all"
        )
        yield Misfit((names.local_world_size, names.world_size), message, _START_AGAIN)
    bound, name = (of, names.local_world_size) if of is not None else (place.world_size, names.world_size)
    if local is not None and local >= bound:
        message = f"{names.local_rank} is {local}, but {name} {bound}: ranks count from 0"
        yield Misfit((names.local_rank, name), message, _START_AGAIN)


def _contradicting(first: Place, other: Place) -> Iterator[Misfit]:
    pairs = (
        (first.names.rank, first.rank, other.names.rank, other.rank),
        (first.names.world_size, first.world_size, other.names.world_size, other.world_size),
    )
    for name, value, there, said in pairs:
        if value != said:
            message = f"{name} is {value}, but {other.names.launcher} says {there} {said}"
            remedy = f"unset {name} to train together; for processes that train each for itself, unset {there}"
            yield Misfit((name, there), message, remedy)


def _asked_of_torchrun(variables: Mapping[str, str]) -> Iterator[Misfit]:
    """A pod that is told how torchrun is to start processes, in which nobody called torchrun."""
    for name in ("PET_NNODES", "PET_NPROC_PER_NODE"):
        text = variables.get(name, "")
        if text and text not in ("1", "1:1"):
            message = (
                f"{name} is {text[:20]}, which asks torchrun for several processes, and this is none of torchrun's"
            )
            yield Misfit((name,), message, f"start with torchrun -m trainspec train TASK, or unset {name}")
            return


def _in_a_step(variables: Mapping[str, str]) -> bool:
    """Whether srun started this process: scripts of sbatch and shells of salloc know how many tasks there could be,
    and call themselves SLURM_PROCID 0, but are no task.
    """
    step = next((text for name in _STEPS if (text := variables.get(name))), None)
    if step is None:
        return bool(variables.get("SLURM_STEP_NUM_TASKS") or variables.get("SLURM_STEP_NODELIST"))
    return step.isdecimal() and int(step) < _NO_STEP


def _step_size_variable(variables: Mapping[str, str]) -> str:
    for name in ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"):
        if number(variables, name) is not None:
            return name
    return "SLURM_NTASKS"


_START_AGAIN = "start the processes with torchrun, srun or trainspec train --nproc, which set these variables alike"
_PORT = "write a free port of the first node, 29500 for example"
_BOTH = "set RANK and WORLD_SIZE in every process, as torchrun does, or neither"
