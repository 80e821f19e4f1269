"""Uploads a file through a grant with tuspy. Cut off, it ends; another process goes on at the upload URL.

upload.py <creation URL> <grant> <file> [<upload URL>]
"""

import json
import sys

from tusclient import client
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

endpoint, grant, path, *resumed = sys.argv[1:]
tus = client.TusClient(endpoint, headers={"Authorization": f"Bearer {grant}"})
# No retries: the one that is cut off ends, and the next process goes on where the server says.
uploader = tus.uploader(path, chunk_size=3 * 1024 * 1024, url=resumed[0] if resumed else None)
begun_at = uploader.offset or 0
try:
    uploader.upload()
    outcome = "done"
except (TusUploadFailed, TusCommunicationError) as error:
    outcome = type(error).__name__
print(json.dumps({"url": uploader.url, "begun_at": begun_at, "outcome": outcome}))
