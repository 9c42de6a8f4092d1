// Decides requests with iam-simulate. Each line of stdin is a request as JSON, each line of stdout its decision.
const readline = require('node:readline')
const { runSimulation } = require('@cloud-copilot/iam-simulate')

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const everyone = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
}

async function decide({ principal, action, resource, account, context, document, isTrust }) {
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: [{ name: 'identity', policy: isTrust ? everything : document }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: isTrust ? document : everyone,
  }
  const { resultType, overallResult, errors } = await runSimulation(simulation, {})
  return resultType === 'error' ? `error: ${JSON.stringify(errors)}` : overallResult
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    console.log(await decide(JSON.parse(line)))
  }
}

main()
