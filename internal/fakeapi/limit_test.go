package fakeapi_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
)

func TestLogLetsNoMoreThanNIntoAnyWindow(t *testing.T) {
	began := time.Now()
	var log fakeapi.Log
	for _, tt := range []struct{ at, wait time.Duration }{
		{0, 0},
		{4 * time.Second, 0},
		{5 * time.Second, 5 * time.Second},
		{9 * time.Second, time.Second},
		{10*time.Second - 1, 1},
		{10 * time.Second, 0},
		{10 * time.Second, 4 * time.Second},
		{14 * time.Second, 0},
	} {
		now := began.Add(tt.at)
		wait := log.Wait(now, 2, 10*time.Second)
		if wait != tt.wait {
			t.Errorf("at %v the wait is %v, want %v", tt.at, wait, tt.wait)
		}
		if wait == 0 {
			log.Add(now)
		}
	}
	if wait := log.Wait(began, 0, time.Second); wait != time.Second {
		t.Errorf("without a limit that lets anything through, the wait is %v", wait)
	}
}

func TestPaceLetsABurstThroughAfterARest(t *testing.T) {
	began := time.Now()
	var pace fakeapi.Pace
	for _, tt := range []struct{ at, wait, rest time.Duration }{
		{0, 0, time.Second},
		{0, 0, 2 * time.Second},
		{0, time.Second, 2 * time.Second},
		{time.Second - 1, 1, time.Second + 1},
		{time.Second, 0, 2 * time.Second},
		{time.Minute, 0, time.Second},
		{time.Minute, 0, 2 * time.Second},
		{time.Minute, time.Second, 2 * time.Second},
	} {
		now := began.Add(tt.at)
		wait := pace.Wait(now, time.Second, 2)
		if wait != tt.wait {
			t.Errorf("at %v the wait is %v, want %v", tt.at, wait, tt.wait)
		}
		if wait == 0 {
			pace.Add(now, time.Second)
		}
		if rest := pace.Rest(now); rest != tt.rest {
			t.Errorf("at %v the rest is %v, want %v", tt.at, rest, tt.rest)
		}
	}
}

func TestNamesTellSecretsApart(t *testing.T) {
	var names fakeapi.Names
	for _, tt := range []struct{ secret, want string }{{"", ""}, {"a", "#1"}, {"b", "#2"}, {"a", "#1"}, {"", ""}} {
		if got := names.Of(tt.secret); got != tt.want {
			t.Errorf("the name of %q is %q, want %q", tt.secret, got, tt.want)
		}
	}
}
