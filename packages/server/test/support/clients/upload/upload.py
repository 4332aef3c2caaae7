"""Posts a body so often, and prints how often each status came: URL TOKEN BYTES length|streamed TIMES"""
import collections
import http.client
import json
import sys
import urllib.parse

url, token, size, how, times = sys.argv[1:]
address = urllib.parse.urlparse(url)


def chunks():
    left = int(size)
    while left > 0:
        chunk = b"x" * min(65536, left)
        left -= len(chunk)
        yield chunk


came = collections.Counter()
for n in range(int(times)):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    headers = {"authorization": token, "content-type": "application/json"}
    # As urllib does, every second one.
    if n % 2:
        headers["connection"] = "close"
    try:
        body = chunks() if how == "streamed" else b"x" * int(size)
        connection.request("POST", address.path, body, headers, encode_chunked=how == "streamed")
        answer = connection.getresponse()
        json.load(answer)
        came[str(answer.status)] += 1
    except OSError as error:
        came[type(error).__name__] += 1
    connection.close()
print(json.dumps(came))
