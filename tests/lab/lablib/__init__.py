"""The lab: gateways, hosts and wires made of network namespaces, and outside witnesses of what
crossed them.

netns      namespaces that vanish with the run, even a killed one
pins       where daemons pin their programs, and getting rid of it
topology   A - R1 = R2 - B with two uplinks
gateway    one sallyportd and its console
printout   what the console printed, as Python values
keying     manual keys as console commands and as the witness needs them
traffic    datagrams of exact sizes, pings, transfers, steady streams
capture    everything that crossed a link
witness    tshark and scapy judge a capture
"""
