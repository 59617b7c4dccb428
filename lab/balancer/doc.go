// Package balancer spreads HTTP requests over the instances of a service.
//
// A request is sent to one instance and, once any of it has been sent, to no
// other: repeating it would be a retry, which is a pattern of its own with its
// own dangers. Only a connection that cannot be made moves it to another
// instance. An instance that refuses connections is taken out for a second and
// then probed by one request, which goes elsewhere when the probe fails.
//
// That is why the balancer keeps its own connections to each instance
// (http.ClientConn): http.Transport silently repeats a GET that a dying instance
// had received, and does not tell a refused connection from a broken one. The
// cost is that of httputil.ReverseProxy with a buffer pool, or a little less:
// see BenchmarkForward.
package balancer
