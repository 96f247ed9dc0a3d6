"""What single events are a ratio to: an endpoint that parses one and answers, and stores nothing.

    python -m bench.parsing PORT

FastAPI and Tendril's own schema of a track event, with no key, no limit and no middleware of ours, under the same
server as the real API.
"""

import sys

import uvicorn
from fastapi import FastAPI

from api.schemas.tracking import Taken, TrackEvent

app = FastAPI()


@app.post("/v1/track")
async def track(_event: TrackEvent) -> Taken:
    return Taken(accepted=1, duplicates=0)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False, loop="uvloop")
