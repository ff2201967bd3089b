"""The cluster port: an adapter has all of it and as it stands there, and the hub is somebody whom it can tell."""

from __future__ import annotations

import inspect

import pytest

from collab.cluster.base import Cluster, Listener, Watcher
from collab.cluster.local import LocalCluster
from collab.cluster.redis import RedisCluster
from collab.hub.follower import Follower
from collab.hub.hub import Hub

ABSTRACT = sorted(Cluster.__abstractmethods__)


def parameters(function: object) -> list[tuple[str, object]]:
    """Names and kinds."""
    return [(each.name, each.kind) for each in inspect.signature(function).parameters.values()]  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ABSTRACT)
def test_an_adapter_without_one_of_them_cannot_be_made(missing: str) -> None:
    methods = {name: lambda *_: None for name in ABSTRACT if name != missing}
    with pytest.raises(TypeError, match=missing):
        type("Adapter", (Cluster,), methods)()


@pytest.mark.parametrize("adapter", [LocalCluster, RedisCluster])
@pytest.mark.parametrize("name", ABSTRACT)
def test_adapters_take_what_the_port_says(adapter: type[Cluster], name: str) -> None:
    port, own = inspect.getattr_static(Cluster, name), inspect.getattr_static(adapter, name)
    assert isinstance(own, property) == isinstance(port, property)
    if not isinstance(port, property):
        assert parameters(own) == parameters(port)
        assert inspect.iscoroutinefunction(own) == inspect.iscoroutinefunction(port)


@pytest.mark.parametrize(("port", "who"), [(Watcher, Hub), (Listener, Follower)])
def test_who_is_told_can_hear_all_of_it(port: type, who: type) -> None:
    told = [name for name, each in vars(port).items() if inspect.isfunction(each) and not name.startswith("_")]
    assert told
    for name in told:
        wanted, heard = inspect.signature(vars(port)[name]), inspect.signature(getattr(who, name))
        assert len(heard.parameters) == len(wanted.parameters), name
        assert not inspect.iscoroutinefunction(getattr(who, name)), "nobody waits for it"
