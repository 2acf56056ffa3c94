through() { curl -sS -H "Authorization: Bearer $key" "$@"; }
github=$VENDGATE_URL/proxy/$GITHUB/github
openai=$VENDGATE_URL/proxy/$OPENAI/openai

# a list, page by page, as Link says, while that leads through the gateway; a 429 waits as Retry-After says
key=$GITHUB_KEY
next=$github/repos/octo/hello/issues?per_page=1
while [ -n "$next" ]; do
  case $next in "$github/"*) ;; *) echo "Link leads elsewhere, the key does not: $next" >&2 && exit 1 ;; esac
  through --retry 3 -D headers "$next"
  next=$(tr -d '\r' <headers | sed -n 's/^[Ll]ink:.*<\([^>]*\)>; rel="next".*/\1/p')
done

# a file
key=$OPENAI_KEY
through -F purpose=assistants -F "file=@$1" "$openai/files"

# a stream of events
through -N -H 'Content-Type: application/json' "$openai/chat/completions" \
  -d '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Größe?"}]}'

# an error as the provider puts it: the key was made with --errors passthrough
through "$openai/models"
