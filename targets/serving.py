"""What serves, in four words. No import of Pulumi here: the agent of a target starts for each step, and has to start quickly."""

from pydantic import BaseModel, ConfigDict


class Serving(BaseModel):
    """What serves: the rollback point has the same four fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    interface: str
    server: str
    release: str
    instance: str
