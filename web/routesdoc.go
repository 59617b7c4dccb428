package web

import "workbench/web/view"

// apiRoutes documents every address of the API; a test holds it to routes.
func apiRoutes() []view.Route {
	const state = "200 with the state that holds now, as read back from the service."
	return []view.Route{
		{Method: "GET", Path: "/api/lab", Text: "The whole lab: scenario, traffic, patterns with knobs, gauges and counters, faults, markers.", Answer: state},
		{Method: "GET", Path: "/api/lab/stream", Text: "Server-Sent Events. The first event, state, holds {state, history}: the lab and the last minute's frames. " +
			"Then frame ten times a second, pulse once a second (traffic; gauges and counters of the patterns that are not off), state after every change, and dropped with the number of frames that this reader was too slow for. " +
			"At most 200 streams at once; a reader that stops reading is cut off.",
			Body:   "event: frame\ndata: {\"t\":12.3,\"run\":1,\"v\":4,\"offered\":160,\"tries\":160,\"good\":160,\"p50\":24.1,\"p99\":61.8,…}",
			Answer: "200 text/event-stream, or 503 when too many are open."},
		{Method: "PUT", Path: "/api/lab/patterns/{name}", Text: "Switches a pattern (off, shadow, on; yours where an answer is plugged in), sets knobs, or both. What is left out stays.", Body: `{"state":"on","knobs":{"rate":200,"per":"user"}}`, Answer: state},
		{Method: "PUT", Path: "/api/lab/faults/{name}", Text: "Begins or ends a fault. for: how long, 0 until it is ended. factor: how much slower. share: of the calls that fail.", Body: `{"on":true,"for":10000000000,"factor":5}`, Answer: state},
		{Method: "PUT", Path: "/api/lab/database", Text: "Chooses who answers reads (reads: primary, replicas) and how callers read their own writes from replicas (own: off, pin for pin_for, wait up to wait_for). What is left out stays.", Body: `{"reads":"replicas","own":"wait","wait_for":"20ms"}`, Answer: state},
		{Method: "PUT", Path: "/api/lab/traffic", Text: "Turns the dial (a factor on the scenario's traffic, 0 to 100), or pauses and resumes (phase: paused, running).", Body: `{"factor":2.5}`, Answer: state},
		{Method: "POST", Path: "/api/lab/spike", Text: "Plays the scenario's own event with an empty body, or multiplies the traffic for a while.", Body: `{"factor":10,"for":10000000000}`, Answer: state},
		{Method: "POST", Path: "/api/lab/scenario", Text: "Starts a scenario by name, or from the text of a scenario file (yaml), with a seed, a scale and patterns set from the start.", Body: `{"name":"metastable","seed":1,"patterns":{"queue":{"state":"on"}}}`, Answer: state},
		{Method: "POST", Path: "/api/lab/prediction", Text: "Commits the answer to the scenario's question. It cannot be taken back.", Body: `{"choice":0}`, Answer: state},
		{Method: "GET", Path: "/api/runs", Text: "The finished runs, the latest first.", Answer: "200 with a list of summaries."},
		{Method: "GET", Path: "/api/runs/{id}", Text: "One run's report: sums, latencies, one point a second, claims and their verdicts.", Answer: "200 with the report, or 404."},
		{Method: "GET", Path: "/api/exercises", Text: "The exercises, with how far the learner is.", Answer: "200 with a list."},
		{Method: "POST", Path: "/api/exercises/{slug}/attempts", Text: "Hands an answer in: the text of exactly the exercise's files, at most 512 KiB.", Body: `{"files":{"token_bucket.go":"package tokenbucket…"}}`,
			Answer: "202 with the attempt, and its address in Location; 429 with Retry-After when too many wait; 403 where answers are not run."},
		{Method: "GET", Path: "/api/attempts/{id}", Text: "An attempt: queued, running, done with its verdict, or interrupted.", Answer: "200 with the attempt, or 404."},
		{Method: "GET", Path: "/api/attempts/{id}/stream", Text: "Server-Sent Events, one for each step of an attempt, until it is over.", Body: "event: step\ndata: {\"state\":\"running\",\"doing\":\"runs the tests\"}", Answer: "200 text/event-stream."},
		{Method: "PUT", Path: "/api/exercises/{slug}/draft", Text: "Keeps what is being written. version is that of the draft it was made from.", Body: `{"files":{"token_bucket.go":"…"},"version":3}`, Answer: "200 with the new version, or 409 when another page has saved meanwhile."},
		{Method: "POST", Path: "/api/exercises/{slug}/hints/{task}", Text: "Takes the next hint of a task.", Body: `{}`, Answer: "200 with the hints taken so far and how many there are."},
		{Method: "GET", Path: "/api/exercises/{slug}/answer", Text: "A right answer.", Answer: "200 with its files; 403 until one's own is accepted, or before three attempts."},
		{Method: "POST", Path: "/api/trials/{name}", Text: "Runs a trial: parts wrong, right or yours (both of the first two when left out), with settings by knob, a seed and a guess. One runs at a time.", Body: `{"parts":["wrong","right"],"settings":{"rows":1000000}}`,
			Answer: "202 with the run, and its address in Location; 409 while another runs; 422 that names each wrong setting."},
		{Method: "POST", Path: "/api/guide/{slug}/{id}", Text: "Runs an experiment of the guide that is a program, and holds its figures to the kept ones.", Body: `{"guess":"10 times"}`, Answer: "202 with the run, and its address in Location; 409 while another runs."},
		{Method: "GET", Path: "/api/trials/runs/{id}", Text: "A run: running, done, failed or stopped, with what each part measured.", Answer: "200 with the run, or 404."},
		{Method: "GET", Path: "/api/trials/runs/{id}/stream", Text: "Server-Sent Events, one for each step of a run, until it is over.", Body: "event: run\ndata: {\"state\":\"running\",\"part\":\"wrong\",\"step\":{\"text\":\"makes the rows, once\",\"done\":50000,\"total\":1000000}}", Answer: "200 text/event-stream."},
		{Method: "DELETE", Path: "/api/trials/runs/{id}", Text: "Stops a run.", Answer: "204, or 404."},
		{Method: "POST", Path: "/api/exercises/{slug}/read", Text: "Opens the worked answers before an own one is accepted, and notes it.", Body: `{}`, Answer: "200 with the address of their page."},
		{Method: "POST", Path: "/api/exercises/{slug}/plug", Text: "Compiles the latest accepted answer and makes it the state yours of the exercise's pattern: switch it on with PUT /api/lab/patterns/{name}.", Body: `{}`,
			Answer: "200 with the pattern; 409 when no answer was accepted or the exercise has no place in the lab; 403 where answers are not run."},
		{Method: "DELETE", Path: "/api/exercises/{slug}/plug", Text: "Takes the exercise's answer out of the lab. Where it decides, the lab's own pattern does from then on.", Answer: "200."},
		{Method: "POST", Path: "/api/exercises/{slug}/compare", Text: "Plays the same arrivals without the pattern, with the lab's own and with the plugged-in answer, at once and in real time. It takes some seconds.", Body: `{}`,
			Answer: "200 with a column for each; 409 when nothing is plugged in."},
		{Method: "GET", Path: "/metrics", Text: "Figures of the lab for Prometheus.", Answer: "200 in the text format."},
		{Method: "GET", Path: "/healthz", Text: "Whether the process answers.", Answer: "200."},
		{Method: "GET", Path: "/readyz", Text: "Whether a scenario runs.", Answer: "200, or 503 while the lab starts."},
	}
}
