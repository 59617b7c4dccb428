package join

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"

	"workbench/sim/clock"
)

// How long a process's certificate holds. Clocks of two machines differ.
const (
	certBefore = 24 * time.Hour
	certAfter  = 365 * 24 * time.Hour
)

// certificate is what a process that other machines reach shows to the balancer.
// It is made for the one process and signed by itself: the lab has it from the
// process, over the connection of its Hello, and takes no other. The key stays
// in the process's memory.
type certificate struct {
	der []byte
	tls tls.Certificate
}

// certify makes the certificate for an address; nil for loopback, where nothing
// leaves the machine.
func certify(wall *clock.Wall, host string) (*certificate, error) {
	if loopback(host) {
		return nil, nil
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return nil, fmt.Errorf("listen: %q is no IP address", host)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of this process: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make the certificate of this process: %w", err)
	}
	now := wall.Date(wall.Now())
	sheet := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "workbench instance"}, IPAddresses: []net.IP{ip},
		NotBefore: now.Add(-certBefore), NotAfter: now.Add(certAfter),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of this process: %w", err)
	}
	return &certificate{der: der, tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// public is what the lab is told; nil: requests come in the clear.
func (c *certificate) public() []byte {
	if c == nil {
		return nil
	}
	return c.der
}

// pair is what the server needs; nil: nothing.
func (c *certificate) pair() *tls.Certificate {
	if c == nil {
		return nil
	}
	return &c.tls
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
