import { composeOperate } from '../src/compose-operate.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator } from '../src/rollout/operate.ts'
import { OperatorInput, shortText } from '../src/rollout/operator.ts'

/** `npx sls invoke -f freeze -d '{"app":"shop","reason":"exams until Friday"}'` */
const FreezeEvent = OperatorInput.extend({ reason: shortText(300) })

const compose = composeOperate('freeze')

export const handler = lambda('freeze', compose, (services, input) =>
  answerOperator(
    FreezeEvent,
    input,
    services,
    ({ reason }) => ({ kind: 'freeze', reason }),
    'frozen',
  ),
)
