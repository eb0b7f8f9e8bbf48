package slacktest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/underlimit/underlimit/providers/apitest"
)

// An Upload is a file on its way through files.getUploadURLExternal, files.slack.com and files.completeUploadExternal.
type Upload struct {
	ID, Filename string
	// Length is how many bytes the first step announced, Size how many came in the second, and SHA256 their sum, in
	// hexadecimal digits.
	Length, Size int64
	SHA256       string
	// Complete says that the third step was made, and Channels where the file was shared with it.
	Complete bool
	Channels []string
}

// maxFile is the largest file that Slack takes: https://docs.slack.dev/messaging/working-with-files
const maxFile = 1 << 30

// uploads are the files of a server. The contents of one are read and measured as they come, and not kept.
type uploads struct {
	arrived atomic.Int64

	mu    sync.Mutex // guards what follows, which Server.Uploads reads
	files []*Upload
	byURL map[string]*Upload // by the path of an upload_url that was not used yet
	byID  map[string]*Upload
}

// contents is what was read of an upload.
type contents struct {
	size int64
	sum  string
}

// read is apitest.Options.Read.
func (u *uploads) read(r *http.Request) (any, error) {
	if !strings.HasPrefix(r.URL.Path, "/upload/") {
		return nil, nil
	}
	m := &measure{arrived: &u.arrived, sum: sha256.New()}
	mediaType, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "multipart/form-data" {
		return m.all(r.Body)
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return m.contents(), nil
		case err != nil:
			return nil, err
		case part.FileName() == "":
			continue
		}
		if _, err := m.all(part); err != nil {
			return nil, err
		}
	}
}

// A measure is how much was read, and its sum.
type measure struct {
	arrived *atomic.Int64
	size    int64
	sum     hash.Hash
}

func (m *measure) Write(p []byte) (int, error) {
	if m.size += int64(len(p)); m.size > maxFile {
		return 0, errors.New("slacktest: the file is too large")
	}
	m.arrived.Add(int64(len(p)))
	return m.sum.Write(p)
}

func (m *measure) all(r io.Reader) (any, error) {
	if _, err := io.Copy(m, r); err != nil {
		return nil, err
	}
	return m.contents(), nil
}

func (m *measure) contents() contents { return contents{m.size, hex.EncodeToString(m.sum.Sum(nil))} }

// announce is the first step.
func (a *api) announce(who caller, args url.Values) (map[string]any, string) {
	length, err := strconv.ParseInt(args.Get("length"), 10, 64)
	if err != nil || length <= 0 || length > maxFile || args.Get("filename") == "" {
		return nil, "invalid_arguments"
	}
	id := a.id("F")
	path := "/upload/v1/" + id
	a.owners[path] = who.install
	u := &a.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	file := &Upload{ID: id, Filename: args.Get("filename"), Length: length}
	u.files = append(u.files, file)
	if u.byURL == nil {
		u.byURL, u.byID = map[string]*Upload{}, map[string]*Upload{}
	}
	u.byURL[path], u.byID[id] = file, file
	return map[string]any{"upload_url": "https://files.slack.com" + path, "file_id": id}, ""
}

// upload is the second step. A URL is good for one upload.
func (a *api) upload(c *apitest.Call) apitest.Answer {
	path := c.Request.URL.Path
	bucket := strings.TrimSpace("upload " + a.owners[path])
	return a.answer(c, []draw{free(bucket)}, anyOther, func() apitest.Answer {
		u := &a.uploads
		u.mu.Lock()
		defer u.mu.Unlock()
		file, got := u.byURL[path], contents{}
		if content, ok := c.Content.(contents); ok {
			got = content
		}
		wrong := ""
		switch {
		case file == nil:
			wrong = "there is no such upload_url, or it was used"
		case got.size != file.Length:
			wrong = fmt.Sprintf("%d bytes came of %d", got.size, file.Length)
		}
		if wrong != "" {
			answer := apitest.Text(http.StatusNotFound, "text/plain", wrong)
			answer.Violation = wrong
			return answer
		}
		delete(u.byURL, path)
		file.Size, file.SHA256 = got.size, got.sum
		return apitest.Text(http.StatusOK, "text/plain", "OK - "+strconv.FormatInt(got.size, 10))
	})
}

// complete is the third step.
func (a *api) complete(args url.Values, channels []string) (map[string]any, string) {
	var said []struct{ ID, Title string }
	if json.Unmarshal([]byte(args.Get("files")), &said) != nil || len(said) == 0 {
		return nil, "invalid_arguments"
	}
	u := &a.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range said {
		if f := u.byID[s.ID]; f == nil || f.SHA256 == "" || f.Complete {
			return nil, "file_not_found"
		}
	}
	files := []any{}
	for _, s := range said {
		f := u.byID[s.ID]
		f.Complete, f.Channels = true, append(f.Channels, channels...)
		files = append(files, map[string]any{"id": s.ID, "title": s.Title})
	}
	return map[string]any{"files": files}, ""
}
