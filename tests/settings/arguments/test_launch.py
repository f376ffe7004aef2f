"""One reading of the launcher's variables, from which settings and training both take ranks and world size."""

import pytest

from trainspec.settings.arguments.launch import Launch
from trainspec.settings.arguments.launchers import Misfit, Nodes, first_host, misfits, nodes_of

TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "GROUP_RANK": "1"}
BATCH_SCRIPT = {
    "SLURM_JOB_ID": "77",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_JOB_NODELIST": "gpu[03-04]",
}
SRUN = {
    **BATCH_SCRIPT,
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "gpu[03-04]",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.9",
}
OPEN_MPI = {f"OMPI_COMM_WORLD_{name}": value for name, value in (("RANK", "1"), ("SIZE", "2"), ("LOCAL_RANK", "1"))}
ON_ONE_NODE = {**OPEN_MPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "prterun-77"}
AT_SLURM = ("gpu03", 21873)
AT_MPI = ("127.0.0.1", 28072)
ROWS: list[tuple[str, dict[str, str], Launch]] = [
    ("nobody launched it", {}, Launch(0, 1, None, None, 0)),
    ("torchrun", TORCHRUN, Launch(5, 8, 1, 4, 1)),
    ("a node that is not told", {**TORCHRUN, "RANK": "7", "GROUP_RANK": ""}, Launch(7, 8, 1, 4, 1)),
    ("nor how many it holds", {"RANK": "7", "WORLD_SIZE": "8"}, Launch(7, 8, None, None, 0)),
    ("no numbers", {"RANK": "-1", "WORLD_SIZE": "many", "LOCAL_WORLD_SIZE": "2.0", "LOCAL_RANK": " 1"}, Launch()),
    ("a world of none", {"WORLD_SIZE": "0", "LOCAL_WORLD_SIZE": "0"}, Launch()),
    ("srun", SRUN, Launch(3, 4, 1, None, 1, AT_SLURM)),
    ("srun, which is told where to meet", {**SRUN, "MASTER_ADDR": "me"}, Launch(3, 4, 1, None, 1)),
    ("srun of an older SLURM", {**SRUN, "SLURM_STEP_NUM_TASKS": ""}, Launch(3, 4, 1, None, 1, AT_SLURM)),
    ("torchrun in srun", {**SRUN, **TORCHRUN, "TORCHELASTIC_RUN_ID": "1"}, Launch(5, 8, 1, 4, 1)),
    ("a batch script", BATCH_SCRIPT, Launch()),
    ("a batch script, as slurmstepd numbers it", {**BATCH_SCRIPT, "SLURM_STEP_ID": "4294967291"}, Launch()),
    ("a shell of salloc", {**SRUN, "SLURM_STEP_ID": "4294967290", "SLURM_PROCID": "0"}, Launch()),
    ("a step of one task", {**SRUN, "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, Launch()),
    ("mpirun on one node", ON_ONE_NODE, Launch(1, 2, 1, 2, 0, AT_MPI)),
    ("mpirun on several", {**ON_ONE_NODE, "OMPI_COMM_WORLD_LOCAL_SIZE": "1"}, Launch(1, 2, 1, 1, 1)),
    ("mpiexec", {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "0"}, Launch(1, 2, 0, None, 0)),
]
ALONE = {"RANK": "0", "WORLD_SIZE": "1"}
WRONG: list[tuple[str, dict[str, str], list[str]]] = [
    ("nothing", {}, []),
    ("torchrun", TORCHRUN, []),
    ("torchrun alone", {**ALONE, "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}, []),
    ("a device of its own", {"LOCAL_RANK": "2"}, []),
    ("srun", SRUN, []),
    ("a batch script", {**BATCH_SCRIPT, **TORCHRUN}, []),
    ("torchrun in srun", {**SRUN, **TORCHRUN, "TORCHELASTIC_RUN_ID": "1"}, []),
    ("srun told to torch by hand", {**SRUN, "RANK": "3", "WORLD_SIZE": "4"}, []),
    ("a size told by hand", {**SRUN, "WORLD_SIZE": "4"}, []),
    (
        "another size told by hand",
        {**SRUN, "WORLD_SIZE": "8"},
        ["WORLD_SIZE is 8, but srun says SLURM_STEP_NUM_TASKS 4"],
    ),
    ("one rank for all", {**SRUN, "RANK": "0", "WORLD_SIZE": "4"}, ["RANK is 0, but srun says SLURM_PROCID 3"]),
    (
        "each for itself",
        {**SRUN, **ALONE},
        ["RANK is 0, but srun says SLURM_PROCID 3", "WORLD_SIZE is 1, but srun says SLURM_STEP_NUM_TASKS 4"],
    ),
    ("mpirun", {**ON_ONE_NODE, "RANK": "0", "WORLD_SIZE": "2"}, ["RANK is 0, but mpirun says OMPI_COMM_WORLD_RANK 1"]),
    ("a size alone", {"WORLD_SIZE": "2"}, ["WORLD_SIZE is 2, but RANK is not set"]),
    ("a size of one alone", {"WORLD_SIZE": "1"}, []),
    ("a rank alone", {"RANK": "1"}, ["RANK is 1, but WORLD_SIZE is not set"]),
    ("a rank too high", {"RANK": "2", "WORLD_SIZE": "2"}, ["RANK is 2, but WORLD_SIZE 2: ranks count from 0"]),
    ("a local rank too high", {**TORCHRUN, "LOCAL_RANK": "4"}, ["LOCAL_RANK is 4, but LOCAL_WORLD_SIZE 4"]),
    ("a node of more than all", {**TORCHRUN, "LOCAL_WORLD_SIZE": "9"}, ["LOCAL_WORLD_SIZE is 9, but WORLD_SIZE 8"]),
    ("no number", {**TORCHRUN, "RANK": "x"}, ["RANK is 'x', which is no rank", "WORLD_SIZE is 8, but RANK is not set"]),
    ("none, as some write it", {"LOCAL_RANK": "-1"}, []),
    ("a pod without torchrun", {"PET_NNODES": "2", "PET_NODE_RANK": "0"}, ["PET_NNODES is 2, which asks torchrun"]),
    ("a pod with it", {**TORCHRUN, "PET_NNODES": "2", "PET_NPROC_PER_NODE": "4"}, []),
    ("a pod of one", {"PET_NNODES": "1", "PET_NPROC_PER_NODE": "1"}, []),
    ("a node of no number", {**TORCHRUN, "GROUP_RANK": "a"}, ["GROUP_RANK is 'a', which is no rank, size or count"]),
    ("a task of no number", {**SRUN, "SLURM_PROCID": "x"}, ["SLURM_PROCID is 'x', which"]),
    ("a step of no number", {**SRUN, "SLURM_STEP_ID": "x"}, ["SLURM_STEP_ID is 'x', which"]),
    ("a batch script of no number", {**BATCH_SCRIPT, "SLURM_PROCID": "x"}, []),
    ("a process of no number", {**OPEN_MPI, "OMPI_COMM_WORLD_RANK": "1.0"}, ["OMPI_COMM_WORLD_RANK is '1.0', which"]),
    ("one of mpiexec", {"PMI_RANK": "one", "PMI_SIZE": "2"}, ["PMI_RANK is 'one', which"]),
    ("restarts of no number", {**TORCHRUN, "TORCHELASTIC_RESTART_COUNT": "no"}, ["TORCHELASTIC_RESTART_COUNT is 'no'"]),
    ("torchrun in a task of no number", {**SRUN, **TORCHRUN, "SLURM_PROCID": "x", "TORCHELASTIC_RUN_ID": "1"}, []),
]


@pytest.mark.parametrize("variables, expected", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_the_variables_say(variables: dict[str, str], expected: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Launch.of(variables) == expected
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Launch.of_this_process() == expected


@pytest.mark.parametrize("variables, messages", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_cannot_be_true(variables: dict[str, str], messages: list[str]) -> None:
    found = list(misfits(variables))
    assert len(found) == len(messages), found
    for misfit, message in zip(found, messages, strict=True):
        assert misfit.message.startswith(message) and misfit.remedy and set(misfit.variables) <= set(variables)


@pytest.mark.parametrize(
    "nodes, first",
    [
        ("gpu03", "gpu03"),
        ("gpu[03-05,9],cpu1", "gpu03"),
        ("a,b", "a"),
        ("rack[1-2]n[3,4]-x.site", "rack1n3-x.site"),
        ("", ""),
    ],
)
def test_the_first_host_of_a_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


@pytest.mark.parametrize("told", [TORCHRUN, SRUN, ON_ONE_NODE], ids=["torchrun", "srun", "mpirun"])
def test_torch_is_told_the_same(told: dict[str, str]) -> None:
    launch = Launch.of(told)
    again = Launch.of(launch.variables())
    assert (again.rank, again.world_size, again.local_rank) == (launch.rank, launch.world_size, launch.local_rank)
    assert ("MASTER_PORT" in launch.variables()) is (told is not TORCHRUN)
    assert list(misfits({**told, **launch.variables()})) == []


def test_tasks_of_one_step_meet_at_the_same_place_and_other_steps_elsewhere() -> None:
    places = {Launch.of({**SRUN, "SLURM_PROCID": str(rank)}).meeting for rank in range(4)}
    assert len(places) == 1
    assert Launch.of({**SRUN, "SLURM_STEP_ID": "1"}).meeting not in places
    assert Launch.of({"RANK": "0", "WORLD_SIZE": "1"}).variables() == {}


POD = {"PET_NNODES": "2", "PET_NODE_RANK": "1", "PET_MASTER_ADDR": "job-0.job", "PET_MASTER_PORT": "29400"}
A_TASK_A_NODE = {**SRUN, "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "0"}
NODES: list[tuple[str, dict[str, str], Nodes | str | None]] = [
    ("alone", {}, None),
    ("a batch script", BATCH_SCRIPT, None),
    ("a pod of one", {"PET_NNODES": "1", "PET_NPROC_PER_NODE": "2"}, None),
    ("a pod", POD, Nodes(2, 1, "job-0.job", 29400)),
    (
        "a pod of a PyTorchJob",
        {"PET_NNODES": "2", "RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "m"},
        Nodes(2, 1, "m", 29500),
    ),
    (
        "the only pod of a PyTorchJob",
        {"PET_NNODES": "1", "PET_NODE_RANK": "0", "RANK": "0", "WORLD_SIZE": "8", "MASTER_ADDR": "m"},
        None,
    ),
    (
        "a pod with an endpoint",
        {"PET_NNODES": "2", "PET_NODE_RANK": "0", "PET_RDZV_ENDPOINT": "h:7"},
        Nodes(2, 0, "h", 7),
    ),
    ("a task a node", A_TASK_A_NODE, Nodes(2, 1, *AT_SLURM)),
    ("several tasks a node", SRUN, "srun has started this process already, as rank 3 of 4"),
    ("a rank of torchrun", TORCHRUN, "torchrun has started this process already, as rank 5 of 8"),
    ("a pod whose number is told twice", {**POD, "PET_NNODES": "2:2"}, Nodes(2, 1, "job-0.job", 29400)),
    ("a pod that grows", {**POD, "PET_NNODES": "1:4"}, "PET_NNODES is '1:4', and --nproc takes part on a number"),
    ("a pod of no number", {**POD, "PET_NNODES": "two"}, "PET_NNODES is 'two', and --nproc"),
    ("a pod with no port", {**POD, "PET_MASTER_PORT": "http"}, "PET_MASTER_PORT is 'http', which is no port"),
    ("a pod with a port too high", {**POD, "MASTER_PORT": "70000"}, "MASTER_PORT is '70000', which is no port"),
    ("a pod without a place", {"PET_NNODES": "2", "PET_NODE_RANK": "1"}, "PET_NNODES is 2, but it is not said"),
    ("a pod too many", {**POD, "PET_NODE_RANK": "2"}, "PET_NNODES is 2, but it is not said"),
]


@pytest.mark.parametrize("variables, expected", [row[1:] for row in NODES], ids=[row[0] for row in NODES])
def test_the_nodes_of_a_command_that_starts_processes(variables: dict[str, str], expected: Nodes | str | None) -> None:
    found = nodes_of(variables)
    if isinstance(expected, str):
        assert isinstance(found, Misfit) and found.message.startswith(expected) and found.remedy
    else:
        assert found == expected
