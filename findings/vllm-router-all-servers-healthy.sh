#!/bin/sh
# vllm-router's /health says that all servers are healthy when none is there any more.
#
# Expected: once its only worker has died, the router's health page fails, or says so.
# Seen: 200 "All servers healthy", unchanged, while completions and /v1/models fail with 5xx. The page
# tells of what the router has been told of, so a load balancer or a health check that asks it keeps a
# dead pool in service for as long as the router runs.
set -eu
work=$(mktemp -d)
worker= router=
trap 'kill $worker $router 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check vllm-router==0.1.17

cat > worker.py <<'PY'
"""A worker with vLLM's paths; one answer fits all of them."""
import http.server
import json
import sys


class Worker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"object": "list", "data": [{"id": "m", "object": "model"}], "model_path": "m"})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer({"id": "1", "object": "text_completion", "choices": [{"index": 0, "text": "x"}]})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Worker).serve_forever()
PY

port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# ask PATH [BODY]: the status, and the beginning of what is said.
ask() {
    curl -s -m 20 -o answer -w '%{http_code}' ${2:+-H content-type:application/json -d "$2"} \
        "http://127.0.0.1:$front$1" || true
}
back=$(port) front=$(port)
python3 worker.py "$back" & worker=$!
venv/bin/vllm-router --host 127.0.0.1 --port "$front" --worker-urls "http://127.0.0.1:$back" \
    > router.log 2>&1 & router=$!
body='{"model":"m","prompt":"Hi","max_tokens":1}'
for _ in $(seq 60); do
    [ "$(ask /v1/completions "$body")" = 200 ] && break
    sleep 1
done

venv/bin/pip list 2>/dev/null | grep -i vllm-router
before="$(ask /health) $(head -c 60 answer)" served=$(ask /v1/completions "$body")
echo "with its worker:    /health $before; a completion: $served"
kill "$worker"
wait "$worker" 2>/dev/null || true
worker=
failed=$(ask /v1/completions "$body")
sleep 20 # longer than its circuit breakers and its health checks need
failed=$(ask /v1/completions "$body")
after="$(ask /health) $(head -c 60 answer)"
echo "20 s after its end: /health $after; a completion: $failed"
case "$served $failed $after" in
"200 5"*" 200 All servers healthy"*) ;;
*) echo "this has changed"; tail -5 router.log; exit 1 ;;
esac
