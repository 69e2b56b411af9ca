package main

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"reeve/internal/sigv4"
)

// The operations that are measured, as X-Amz-Target has them.
const (
	listUsage          = "AWSLicenseManager.ListUsageForLicenseConfiguration"
	listConfigurations = "AWSLicenseManager.ListLicenseConfigurations"
	createConfig       = "AWSLicenseManager.CreateLicenseConfiguration"
	associate          = "AWSLicenseManager.UpdateLicenseSpecificationsForResource"
	putResources       = "Reeve.PutResources"
)

// request is what the lists are asked.
type request struct {
	LicenseConfigurationArn string   `json:",omitempty"`
	MaxResults              int      `json:",omitempty"`
	NextToken               string   `json:",omitempty"`
	Filters                 []filter `json:",omitempty"`
}

type filter struct {
	Name   string
	Values []string
}

// question is requests that are asked of an address in turn, signed before
// anything is measured.
type question struct {
	address  string // HOST:PORT
	requests [][]byte
}

// ask makes a question of a list from the places of its pages.
func ask(address string, r request, tokens []string) (question, error) {
	q := question{address, make([][]byte, len(tokens))}
	for i, token := range tokens {
		r.NextToken = token
		signed, err := encode(address, listUsage, r)
		if err != nil {
			return q, err
		}
		q.requests[i] = signed
	}
	return q, nil
}

// encode returns a signed request for an operation as it goes over the wire.
func encode(address, target string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return sign(address, "license-manager", target, string(text))
}

func sign(address, service, target, body string) ([]byte, error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	creds := sigv4.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	if err := sigv4.Sign(r, []byte(body), creds, region, service, time.Now()); err != nil {
		return nil, err
	}
	return httputil.DumpRequestOut(r, true)
}
