# M/M/8 at 80 % in SimPy 2, a process for each customer. Prints the mean wait in
# service times and the processor seconds that the run took.
import random
import sys
import time

from SimPy.Simulation import Process, Resource, activate, hold, initialize, now, release, request, simulate

customers = int(sys.argv[1])
random.seed(1)
waits = [0.0, 0]


class Customer(Process):
    def go(self, servers):
        came = now()
        yield request, self, servers
        waits[0] += now() - came
        waits[1] += 1
        yield hold, self, random.expovariate(1.0)
        yield release, self, servers


class Source(Process):
    def go(self, servers):
        for _ in range(customers):
            yield hold, self, random.expovariate(6.4)
            customer = Customer()
            activate(customer, customer.go(servers))


initialize()
servers = Resource(capacity=8)
source = Source()
activate(source, source.go(servers))
began = time.process_time()
simulate(until=1e12)
print(waits[0] / waits[1], time.process_time() - began)
