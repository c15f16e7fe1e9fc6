import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Account, AgentEvents, AgentJob, Instance, StartAgent } from '../../local/aws/index.ts'
import { listen, toAddress } from '../../local/base/listen.ts'
import { createMessages } from './agent-messages.ts'

// A real amazon-ssm-agent in the place of the emulator's. docs/first-contact.md says where its programs come from.

/** The folder of the agent's programs; undefined: the emulator's own agent. */
export const agentFolder = process.env['LANDFALL_SSM_AGENT']

const programs = [
  'amazon-ssm-agent',
  'ssm-agent-worker',
  'ssm-document-worker',
  'ssm-session-worker',
]

/** Nobody listens there: the agent has the message service alone. */
const nowhere = 'http://127.0.0.1:9'

const toConfiguration = ({ region }: Account, { id }: Instance, messages: string) => ({
  Identity: {
    ConsumptionOrder: ['CustomIdentity'],
    CustomIdentities: [
      {
        InstanceID: id,
        Region: region,
        AvailabilityZone: `${region}a`,
        InstanceType: 't3.micro',
        CredentialsProvider: 'DEFAULT',
      },
    ],
  },
  Agent: { Region: region, SelfUpdate: false },
  Mds: { Endpoint: messages },
  Mgs: { Region: region, Endpoint: nowhere },
  Ssm: { Endpoint: messages },
  S3: { Endpoint: nowhere },
})

const seelog = `<seelog type="sync" minlevel="info"><outputs formatid="line">
<file path="/var/log/amazon/ssm/amazon-ssm-agent.log"/></outputs>
<formats><format id="line" format="%Date(2006-01-02 15:04:05.0000) %LEVEL %Msg%n"/></formats></seelog>`

/** The agent looks for its other programs and its configuration beside itself. */
const layOut = (directory: string, configuration: object): void => {
  for (const name of ['configuration', 'lib', 'log'])
    mkdirSync(join(directory, name), { recursive: true })
  for (const name of programs) {
    const link = join(directory, name)
    if (!readdirSync(directory).includes(name))
      symlinkSync(join(resolve(agentFolder ?? ''), name), link)
  }
  const file = join(directory, 'configuration/amazon-ssm-agent.json')
  writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 })
  writeFileSync(join(directory, 'configuration/seelog.xml'), seelog)
}

/** Its files under /var are the instance's own, and stay when it starts again. */
const enter = `mount --bind "$1/lib" /var/lib && mount --bind "$1/log" /var/log && cd /usr/bin && exec "$1/amazon-ssm-agent"`

const toEnvironment = (instance: Instance, mark: string): Record<string, string> => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  LANDFALL_ROOT: instance.stateRoot,
  ...(instance.network === null ? {} : { LANDFALL_NETWORK: instance.network }),
  ...(instance.dockerHost === null ? {} : { DOCKER_HOST: instance.dockerHost }),
  AWS_ACCESS_KEY_ID: 'agent',
  AWS_SECRET_ACCESS_KEY: 'agent',
  LANDFALL_AGENT: mark,
})

/** Of this machine's processes, whose environment or command line has this text. */
const findProcesses = (file: 'environ' | 'cmdline', text: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/${file}`, 'utf8').includes(text)
      } catch {
        return false
      }
    })
    .map(Number)

const killAll = (pids: readonly number[]): void => {
  for (const pid of pids)
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It is gone already.
    }
}

const run = (
  account: Account,
  instance: Instance,
  directory: string,
  { onAccept, onReply }: AgentEvents,
) => {
  const mark = randomUUID()
  const home = join(directory, instance.id)
  const replied = new Set<string>()
  const messages = createMessages((commandId, reply) => {
    if (reply === null) return onAccept(commandId)
    // The agent tells of the step that has ended, and again of the document.
    if (replied.has(commandId)) return
    replied.add(commandId)
    onReply(commandId, reply)
  })
  const start = (): void => {
    const options = { env: toEnvironment(instance, mark), stdio: 'ignore', detached: true } as const
    spawn('unshare', ['--mount', 'sh', '-c', enter, 'sh', home], options)
  }
  const begin = async (): Promise<void> => {
    const address = toAddress(await listen(messages.server, 0))
    layOut(home, toConfiguration(account, instance, address))
    start()
  }
  const ready = begin()
  const agents = (): readonly number[] =>
    findProcesses('environ', mark).filter((pid) => {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return /amazon-ssm-agent|ssm-agent-worker/.test(command)
    })
  const post = (topic: string, payload: object, id: string = randomUUID()): void =>
    messages.push({
      MessageId: `aws.ssm.${id}.${instance.id}`,
      Destination: instance.id,
      CreatedDate: new Date().toISOString(),
      Topic: `aws.ssm.${topic}.${account.region}.${instance.id}`,
      Payload: JSON.stringify(payload),
    })
  const send = ({ commandId, documentName, content, parameters }: AgentJob): void => {
    const names = { CommandId: commandId, DocumentName: documentName }
    const Parameters = Object.fromEntries(
      Object.entries(parameters).map(([name, values]) => [
        name,
        content.parameters[name]?.type === 'String' ? values[0] : values,
      ]),
    )
    post('sendCommand', { ...names, DocumentContent: content, Parameters }, commandId)
  }
  const stop = async (): Promise<void> => {
    await ready
    for (let left = findProcesses('environ', mark); left.length > 0;) {
      killAll(left)
      left = findProcesses('environ', mark)
    }
    messages.server.closeAllConnections()
    messages.server.close()
  }
  const restart = (): void => {
    killAll(agents())
    start()
  }
  return { post, send, stop, restart }
}

export const startRealAgent: StartAgent = (account, instance, directory, events) => {
  const { post, send, stop, restart } = run(account, instance, directory, events)
  return {
    // Whether it has room is the agent's own answer: it acknowledges the command later.
    accept: (job) => {
      send(job)
      return true
    },
    cancel: (commandId) =>
      post('cancelCommand', { CancelMessageId: `aws.ssm.${commandId}.${instance.id}` }),
    kill: (commandId) => killAll(findProcesses('cmdline', `${commandId}/`)),
    restart,
    stop,
  }
}
