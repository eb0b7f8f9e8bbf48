// Package workload holds the module's evidence: whole workloads through the transport, the adapters and the registry
// against the strict fakes, in virtual time and with latency, compared with the best time that any client could need.
// It consists of tests.
package workload
