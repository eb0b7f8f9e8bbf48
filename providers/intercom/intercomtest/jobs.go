package intercomtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// A job is a pending export.
type job struct {
	id   string
	done time.Time
}

// exports are the requests that start a job, of which there may be only so many at a time:
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/data-export
var exports = map[string]struct {
	bucket, kind string
	most         int
}{
	"POST export/content/data":           {"content exports", "message data", 1},
	"POST export/reporting_data/enqueue": {"reporting exports", "reporting dataset", 5},
}

// export answers a request about export jobs. It reports false if it is none.
func (a *api) export(c *apitest.Call, credential string, path []string) (apitest.Answer, bool) {
	if path[0] != "export" || len(path) < 2 {
		return apitest.Answer{}, false
	}
	start, ok := exports[c.Request.Method+" "+strings.Join(path, "/")]
	if !ok {
		return a.job(c, path), true
	}
	bucket := a.in(credential, start.bucket)
	pending := fakeapi.At(a.jobs, bucket)
	*pending = slices.DeleteFunc(*pending, func(j job) bool { return !c.At.Before(j.done) })
	if len(*pending) >= start.most {
		answer := a.failed(http.StatusTooManyRequests, "rate_limit_exceeded",
			fmt.Sprintf("Exceeded rate limit of %d pending %s export jobs", start.most, start.kind))
		answer.Buckets, answer.RefusedBy = []string{bucket}, bucket
		return answer, true
	}
	a.objects++
	j := job{strconv.Itoa(a.objects), c.At.Add(a.opts.ExportTime)}
	*pending = append(*pending, j)
	answer := status(j.id, "pending")
	answer.Buckets = []string{bucket}
	return answer, true
}

// job shows the job whose id is at the end of a path, or cancels it.
func (a *api) job(c *apitest.Call, path []string) apitest.Answer {
	id := path[len(path)-1]
	for _, pending := range a.jobs {
		i := slices.IndexFunc(*pending, func(j job) bool { return j.id == id && c.At.Before(j.done) })
		switch {
		case i < 0:
		case path[1] == "cancel":
			*pending = slices.Delete(*pending, i, i+1)
			return status(id, "canceled")
		default:
			return status(id, "pending")
		}
	}
	return status(id, "completed")
}

func status(id, status string) apitest.Answer {
	return apitest.Reply(http.StatusOK, map[string]any{"job_identifier": id, "status": status})
}
