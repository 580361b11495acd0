"""Who a cluster is, whatever it is called and wherever it is reached: the uid of its kube-system Namespace."""

import msgspec

from libs.common.api import wellknown
from libs.common.api.meta import PartialObject
from libs.common.kube import resources
from libs.common.kube.client import Client
from libs.common.kube.errors import Garbled
from libs.common.kube.resources import ObjectKey


async def cluster_uid(api: Client) -> str:
    """The identity of the cluster behind `api`. Raises KubeError."""
    body = await api.get(resources.NAMESPACES, ObjectKey("", wellknown.KUBE_SYSTEM))
    try:
        return msgspec.json.decode(body, type=PartialObject).metadata.uid
    except msgspec.DecodeError as error:
        raise Garbled(f"{api.origin} does not tell who it is: {error}") from error
